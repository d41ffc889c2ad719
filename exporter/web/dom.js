// SPDX-License-Identifier: Apache-2.0

/** Makes an element. Children that are text stay text, whatever is in them. */
export function el(name, attributes = {}, children = []) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

/** Sets the text of an element, if it is another. */
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}
