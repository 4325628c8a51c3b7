/** Says that the page did not start: it is no module, for where a module cannot be loaded. From a file it may not run, so index.html holds what is said there. */

if (location.protocol !== "file:") {
  const said = document.getElementById("unopened");
  said.hidden = true;
  said.textContent = "This page did not start: a file of it is missing, or the browser is too old for it. Load it again, or copy the whole site.";
  for (const source of [window, document.querySelector("script[src='app.js']")]) source.addEventListener("error", () => (said.hidden = false));
}
