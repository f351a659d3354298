/* Words with [data-tip] are explained beside them, on hover and on focus, in one box that stays inside the window. */

const GAP = 8;

/** Shows tips from now on. */
export function explainWords() {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  box.setAttribute("aria-hidden", "true");
  document.body.append(box);
  const show = ({target}) => {
    const word = target.closest?.("[data-tip]");
    box.hidden = !word;
    if (!word) return;
    box.textContent = word.dataset.tip;
    const at = word.getBoundingClientRect();
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const below = at.bottom + GAP + height < window.innerHeight;
    box.style.left = `${Math.max(GAP, Math.min(at.left, document.documentElement.clientWidth - width - GAP))}px`;
    box.style.top = `${below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height)}px`;
  };
  const hide = () => (box.hidden = true);
  document.addEventListener("mouseover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, {capture: true, passive: true});
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
