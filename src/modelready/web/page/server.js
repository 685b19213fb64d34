// The server: what it answers, what it tells as it happens, and whether it is there.

const PATIENCE_MS = 15000;
const SILENCE_MS = 40000;

/** What the server refused, in words of its own where it gave some. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.status = status;
    this.remedy = problem.remedy || "";
    this.kind = problem.kind || "";
  }
}

/** The server did not answer at all. */
export class Gone extends Error {}

async function ask(path, options = {}, tries = 5) {
  let answer;
  try {
    answer = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Gone("the server does not answer", { cause: error });
  }
  const told = await answer.json().catch(() => null);
  if (answer.status === 429 && tries > 0) {
    await new Promise((done) => setTimeout(done, 1000));
    return ask(path, options, tries - 1);
  }
  if (!answer.ok) throw new Refused(answer.status, told || {});
  return told;
}

export const models = () => ask("/api/models");
export const disk = () => ask("/api/disk");
export const certificate = () => ask("/api/certificate");

/** Do *verb* (start, cancel, pause, resume, retry, clear) to the model. */
export function act(name, verb, token = "") {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return ask(`/api/model-download/${encodeURIComponent(name)}/${verb}`, { method: "POST", headers });
}

/**
 * Listen to the queue as it moves, for ever.
 *
 * *heard* gets each event's name and content, *linked* whether the server is there. A line that breaks is taken up
 * again by the browser, which says where it was (Last-Event-ID); one that is silent or refused is opened anew.
 */
export function listen(names, heard, linked) {
  let source = null;
  let watch = 0;
  let wait = 500;

  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(renew, SILENCE_MS);
  };
  const open = () => {
    source = new EventSource("/api/events");
    source.onopen = () => {
      wait = 500;
      alive();
      linked(true);
    };
    source.onerror = () => {
      linked(false);
      if (source.readyState === EventSource.CLOSED) renew();
    };
    for (const name of names) {
      source.addEventListener(name, (event) => {
        alive();
        heard(name, JSON.parse(event.data));
      });
    }
    alive();
  };
  const renew = () => {
    source.close();
    clearTimeout(watch);
    setTimeout(open, wait);
    wait = Math.min(wait * 2, 8000);
  };
  open();
  return { renew };
}
