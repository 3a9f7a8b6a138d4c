// The contrast of a color on the colors below it: the ratio of the Web Content Accessibility Guidelines, 1 to 21.
function channels(css) {
  const numbers = css.match(/[\d.]+/g).map(Number);
  const scale = css.startsWith('color(') ? 255 : 1;
  return [...numbers.slice(0, 3).map((number) => number * scale), numbers[3] ?? 1];
}

function luminance([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((channel) => {
    const share = channel / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function over([red, green, blue, alpha], below) {
  return [red, green, blue].map((channel, index) => channel * alpha + below[index] * (1 - alpha));
}

function brightened([red, green, blue, alpha], factor) {
  return [...[red, green, blue].map((channel) => Math.min(255, channel * factor)), alpha];
}

/** `grounds`: the colors below, lowest first. `brightness`: the factor of a filter on the text. */
export function contrast(color, grounds, brightness = 1) {
  const ground = grounds.map(channels).reduce((below, ground) => over(ground, below), [255, 255, 255]);
  const [one, other] = [luminance(over(brightened(channels(color), brightness), ground)), luminance(ground)];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}
