"use strict";
// Shows the newest edition as the proxy learns of it. A page that nobody looks at does not wait: browsers allow few connections to one server.
(() => {
  const link = document.getElementById("open");
  const newest = document.getElementById("newest");
  const state = document.getElementById("state");
  const uri = document.getElementById("uri");
  const asked = Number(document.getElementById("follow").dataset.asked);
  let events = null;
  const told = (e) => {
    const now = JSON.parse(e.data);
    newest.textContent = now.edition;
    uri.textContent = now.uri;
    link.href = now.open;
    link.hidden = false;
    document.title = (now.edition > asked ? "New: edition " : "Edition ") + now.edition;
  };
  const watch = () => {
    if (document.hidden) {
      if (events) events.close();
      events = null;
      return;
    }
    if (events) return;
    events = new EventSource(location.pathname + "?events");
    events.onmessage = told;
    events.onopen = () => { state.textContent = "This page shows a new edition by itself."; };
    events.onerror = () => { state.textContent = "The node does not answer; this page tries again by itself."; };
  };
  document.addEventListener("visibilitychange", watch);
  watch();
})();
