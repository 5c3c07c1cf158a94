// Measures the contrast of all text that is shown; contrast.py runs it in the page.
least => {
    const parse = text => {
        const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
        return text.startsWith("color(srgb") ? [...numbers.slice(0, 3).map(n => 255 * n), numbers[3] ?? 1]
            : [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
    };
    const over = (top, below) => {
        const alpha = top[3] + below[3] * (1 - top[3]);
        if (alpha === 0) return [0, 0, 0, 0];
        const mixed = [0, 1, 2].map(i => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / alpha);
        return [...mixed, alpha];
    };
    const light = colour => {
        const [r, g, b] = colour.map(value => value / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
    // What is written over a picture has to be read on any.
    const isPicture = element => element.matches(".frame:not(.bare), .stage:not(.bare), .thumb");

    /** A colour and the ground it is on, through every layer below and every opacity around them. */
    const painted = (element, colour, picture) => {
        let [text, ground] = [colour, [0, 0, 0, 0]];
        for (let at = element; at !== null; at = at.parentElement) {
            const style = getComputedStyle(at);
            const layer = at !== element && isPicture(at) ? picture : parse(style.backgroundColor);
            [text, ground] = [text, ground].map(one => over(one, layer)).map(([r, g, b, a]) => [r, g, b, a * Number(style.opacity)]);
        }
        return ratio(over(text, canvas), over(ground, canvas));
    };
    const contrast = (element, [r, g, b, a], opacity) =>
        Math.min(...[[0, 0, 0, 1], [255, 255, 255, 1]].map(picture => painted(element, [r, g, b, a * opacity], picture)));

    const isShown = element => {
        const box = element.getBoundingClientRect();
        const hidden = element.closest(".visually-hidden") !== null || getComputedStyle(element).visibility === "hidden";
        return !hidden && box.width > 1 && box.height > 1 && element.checkVisibility();
    };
    const found = [];
    const check = (element, text, colour, opacity) => {
        const value = contrast(element, colour, opacity);
        if (value < least) {
            const name = `${element.tagName.toLowerCase()}.${element.className}`;
            found.push({ text: text.trim().slice(0, 60), ratio: Math.round(value * 100) / 100, element: name });
        }
    };
    const root = document.querySelector("dialog[open]") ?? document.body;
    let checked = 0;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const isText = walker.currentNode.data.trim() !== "" && element?.closest("option, script, style, template") === null;
        if (!isText || !isShown(element)) continue;
        checked += 1;
        check(element, walker.currentNode.data, parse(getComputedStyle(element).color), 1);
    }
    for (const field of root.querySelectorAll("input:not([type=checkbox], [type=radio]), select, textarea")) {
        if (!isShown(field)) continue;
        checked += 1;
        check(field, field.value || field.name, parse(getComputedStyle(field).color), 1);
        if (!field.placeholder) continue;
        const style = getComputedStyle(field, "::placeholder");
        check(field, field.placeholder, parse(style.color), Number(style.opacity));
    }
    return { checked, found };
}
