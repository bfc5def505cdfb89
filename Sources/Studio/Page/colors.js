// Colours as 32-bit words for pictures and as text for the page.

/** Packs red, green and blue for a Uint32Array over RGBA bytes. */
export const pack = (red, green, blue) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

const magma = [
  [-0.002136485053939582, -0.000749655052795221, -0.005386127855323933],
  [0.2516605407371642, 0.6775232436837668, 2.494026599312351],
  [8.353717279216625, -3.577719514958484, 0.3144679030132573],
  [-27.66873308576866, 14.26473078096533, -13.64921318813922],
  [52.17613981234068, -27.94360607168351, 12.94416944238394],
  [-50.76852536473588, 29.04658282127291, 4.23415299384598],
  [18.65570506591883, -11.48977351997711, -5.601961508734096],
];

/** 256 packed colours from black to pale yellow. */
export const heat = Uint32Array.from({ length: 256 }, (_, level) => {
  const t = level / 255;
  const channel = (index) => {
    let value = 0;
    for (let power = 6; power >= 0; power--) value = value * t + magma[power][index];
    return Math.round(Math.min(Math.max(value, 0), 1) * 255);
  };
  return pack(channel(0), channel(1), channel(2));
});

/** Red, green, blue of a hue in degrees, equally bright for the eye (OKLCH). */
function equalBrightness(hue, light, chroma) {
  const a = chroma * Math.cos((hue * Math.PI) / 180), b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((value) => {
    const v = Math.min(Math.max(value, 0), 1);
    return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
  });
}

/** The colour of group `number`: neighbours in number are far apart in hue, and alternate in lightness. */
export function groupColor(number, isDark) {
  const light = (isDark ? 0.72 : 0.6) + 0.09 * ((number % 3) - 1);
  return equalBrightness((number * 137.508 + 25) % 360, light, 0.15);
}

export const cssColor = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

/** A colour moved towards another. */
export const mixed = (from, to, share) => from.map((value, index) => Math.round(value + (to[index] - value) * share));
