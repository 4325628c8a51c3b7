/**
 * Says that the page did not start: it is no module, for where a module cannot be loaded. From a file it may not run either, so
 * index.html holds what is said there.
 */

if (location.protocol !== "file:") {
  const said = document.getElementById("unopened");
  said.hidden = true;
  const reason = "a file of it is missing, or the browser is too old for it";
  said.textContent = `This page did not start: ${reason}. Load it again, or copy the whole site.`;
  const script = document.querySelector("script[src='app.js']");
  for (const source of [window, script]) source.addEventListener("error", () => (said.hidden = false));
}
