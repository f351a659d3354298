/* Elements, and words that explain themselves. */

/** An element with properties (`on...` are listeners, `aria-...` and `data-...` attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Text in which [word] is explained by `words[word]`, on hover, on focus and to screen readers. */
export function explained(text, words) {
  return text
    .split(/(\[[^\]]+\])/)
    .filter(Boolean)
    .map((part) => {
      if (!part.startsWith("[")) return part;
      const [word, key = word] = part.slice(1, -1).split("|");
      return make(
        "dfn",
        {tabIndex: 0, "data-tip": words[key.toLowerCase()], "aria-label": `${word}: ${words[key.toLowerCase()]}`},
        word,
      );
    });
}

/** Buttons of which one is pressed: options {value: label}; `show(value)` presses one. */
export function choice(label, options, chosen) {
  const buttons = Object.entries(options).map(([value, text]) =>
    make("button", {type: "button", "data-value": value, onclick: () => chosen(value)}, text),
  );
  const group = make("div", {className: "choice", role: "group", "aria-label": label}, ...buttons);
  group.show = (value) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
  };
  return group;
}

/** A range with a label and its value beside it, on a logarithmic scale if `logarithmic`; `show(value)` moves it. */
export function slider(label, {low, high, logarithmic = true, format}, moved) {
  const [into, out] = logarithmic ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
  const [least, most] = [into(low), into(high)];
  const value = make("output");
  const input = make("input", {
    type: "range",
    min: least,
    max: most,
    step: (most - least) / 1000,
    "aria-label": label,
    oninput: () => moved(Math.min(high, Math.max(low, out(Number(input.value))))),
  });
  const whole = make("label", {className: "slider"}, make("span", {}, label), input, value);
  whole.show = (at) => {
    input.value = into(at);
    value.textContent = format(at);
    input.setAttribute("aria-valuetext", format(at));
  };
  return whole;
}
