// What a person would see as broken and axe does not: called by layout.py with {target: px}. Returns sentences.
(({ target }) => {
  const faults = [];
  const name = (el) =>
    `${el.tagName.toLowerCase()}${el.id ? `#${el.id}` : ""}${[...el.classList].map((c) => `.${c}`).join("")}` +
    (el.getAttribute("aria-label") ? `[${el.getAttribute("aria-label")}]` : "");
  const visible = (el) => {
    const box = el.getBoundingClientRect();
    // 1 px boxes are words for ears only.
    return box.width > 1 && box.height > 1 && el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const isClipped = (style) => /hidden|clip|auto|scroll/.test(style.overflowX);
  const isOutOfFlow = (style) => style.position === "absolute" || style.position === "fixed";
  const all = [...document.body.querySelectorAll("*")].filter((el) => !(el instanceof SVGElement) && visible(el));

  if (document.scrollingElement.scrollWidth > innerWidth)
    faults.push(`the document scrolls sideways: ${document.scrollingElement.scrollWidth} px in ${innerWidth}`);

  for (const el of all) {
    const style = getComputedStyle(el);
    const parent = el.parentElement;
    const around = getComputedStyle(parent);
    if (!isOutOfFlow(style) && style.display !== "contents" && around.display !== "inline" && !isClipped(around)) {
      const inner = parent.getBoundingClientRect();
      const box = el.getBoundingClientRect();
      if (inner.width > 1 && (box.right > inner.right + 1.5 || box.left < inner.left - 1.5) && parent !== document.body)
        faults.push(`${name(el)} sticks out of ${name(parent)}: ${Math.round(box.left)}-${Math.round(box.right)} in ${Math.round(inner.left)}-${Math.round(inner.right)}`);
    }
    const holdsText = [...el.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (holdsText && !isClipped(style) && style.display !== "inline" && el.scrollWidth > el.clientWidth + 1)
      faults.push(`the words of ${name(el)} are wider than it: ${el.scrollWidth} px in ${el.clientWidth}`);
  }

  const covers = (a, b) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return wide > 1.5 && high > 1.5;
  };
  const floats = (el) => {
    for (let at = el; at && at !== document.body; at = at.parentElement) {
      if (["absolute", "fixed", "sticky"].includes(getComputedStyle(at).position) || at.tagName === "DIALOG") return true;
    }
    return false;
  };
  const regions = all.filter(
    (el) =>
      el.matches("header, main, aside, nav, footer, section[aria-label], section[aria-labelledby], [role=region], form, article, fieldset") &&
      !floats(el),
  );
  const seen = (el) => {
    // As far as scrolling containers show it.
    const box = el.getBoundingClientRect();
    let { left, right, top, bottom } = box;
    for (let at = el.parentElement; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (!/visible/.test(style.overflowX + style.overflowY)) {
        const inner = at.getBoundingClientRect();
        [left, right] = [Math.max(left, inner.left), Math.min(right, inner.right)];
        [top, bottom] = [Math.max(top, inner.top), Math.min(bottom, inner.bottom)];
      }
    }
    return { left, right, top, bottom };
  };
  const boxes = regions.map(seen);
  regions.forEach((one, i) =>
    regions.slice(i + 1).forEach((other, j) => {
      if (one.contains(other) || other.contains(one)) return;
      if (covers(boxes[i], boxes[i + 1 + j])) faults.push(`${name(one)} overlaps ${name(other)}`);
    }),
  );

  const modal = document.querySelector("dialog[open]");
  const wanted = "a[href], button, input, select, textarea, summary, [role=button], [role=tab], [role=menuitem], [role=menuitemradio], [role=switch], [role=slider]";
  for (const el of all.filter((one) => one.matches(wanted) && !one.disabled && (!modal || modal.contains(one)))) {
    // WCAG 2.5.8: a link inside a sentence is as high as its line.
    if (el.tagName === "A" && getComputedStyle(el).display === "inline") continue;
    const label = el.closest("label");
    const box = (label && visible(label) ? label : el).getBoundingClientRect();
    if (box.width < target - 0.5 || box.height < target - 0.5)
      faults.push(`${name(el)} is a target of ${Math.round(box.width)} by ${Math.round(box.height)} px, at least ${target} wanted`);
  }
  return faults;
})
