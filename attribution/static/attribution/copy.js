// Buttons that copy a text of the page: <button data-copy="id of the text" data-done="Copied">.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    const label = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  } catch {
    // Without HTTPS, or without permission: the text is marked, for the keyboard's own copying.
    getSelection().selectAllChildren(source);
  }
});
