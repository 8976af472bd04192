// Before anything is drawn: the chosen colours, if they are not the system's. The one script that is no module.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing: the system's colours.
}
