// Before anything is drawn: the chosen colours, else the system's. The one script that is no module.
{
  const root = document.documentElement;
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing: the system's colours.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.classList.toggle("dark", root.dataset.theme ? root.dataset.theme === "dark" : dark);
}
