// The document, touched only where something changed. Text goes in by textContent alone.

/** Make an element; *parts* are elements or text. */
export function make(tag, properties = {}, ...parts) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...parts);
  return element;
}

/** Make an SVG element. */
export function draw(tag, attributes = {}, ...parts) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...parts);
  return element;
}

/** Give *text* in parts, with what stands between backticks as code. */
export function withCode(text) {
  return text.split(/`([^`\n]+)`/).map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

/** Let *element* say *text*. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Let *element* have the attribute, or not have it where *value* is null. */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Show or hide *element*; where it had the focus, *heir* gets it. */
export function show(element, isShown, heir = null) {
  if (element.hidden === !isShown) return;
  const hadFocus = element.contains(document.activeElement);
  element.hidden = !isShown;
  if (hadFocus && !isShown && heir) heir.focus();
}

/** Let *list* hold exactly *elements*, in order, moving as few as possible. */
export function arrange(list, elements) {
  const wanted = new Set(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  let place = list.firstElementChild;
  for (const element of elements) {
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
}

/** Find by id. */
export const byId = (id) => document.getElementById(id);
