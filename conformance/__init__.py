"""Every way a download is known to go wrong, played against three programs: what each says, and what lies on disk."""
