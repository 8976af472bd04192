/** What similarity listens to, as the daemon has it: groups of aspects, their weights, presets. A test compares them. */

/** Group → its aspects with their default weights. */
export const GROUPS = {
  timbre: { kind: 0.6, mfcc: 0.05, onset_shape: 0.05, course_shape: 0.04, harmonics: 0.02 },
  spectrum: { spectral_shape: 0.04, spectral_contrast: 0.04, zcr: 0.02 },
  pitch: { fundamental: 0.02, chroma: 0.02 },
  rhythm: { rhythm: 0.02 },
  movement: { modulation: 0.03 },
  envelope: { level_shape: 0.02, rms: 0.03 },
};

/** Preset → group → weight; what is not named keeps its default. */
export const PRESETS = {
  balanced: {},
  "one-shot": { timbre: 0.8, envelope: 0.12, spectrum: 0.08, pitch: 0, rhythm: 0, movement: 0 },
  loop: { timbre: 0.45, rhythm: 0.3, movement: 0.15, spectrum: 0.08, pitch: 0.02, envelope: 0 },
  texture: { timbre: 0.5, spectrum: 0.3, movement: 0.2, pitch: 0, rhythm: 0, envelope: 0 },
};

/** CLAP's share beside the descriptors. */
export const CLAP = 0.6;

/** Group → what it means, for people. */
export const MEANINGS = {
  clap: "What it is, as a model hears it",
  timbre: "Colour and kind of the sound",
  spectrum: "Bright or dark, noisy or clear",
  pitch: "Height and notes",
  rhythm: "Pulse, tempo, how many hits",
  movement: "How it trembles and flutters",
  envelope: "Attack, decay, loudness over time",
};

const NAMES = {
  kind: "kind of sound",
  mfcc: "timbre (MFCC)",
  onset_shape: "onset",
  course_shape: "course",
  harmonics: "harmonics",
  fundamental: "pitch",
  chroma: "notes (chroma)",
  spectral_shape: "spectrum",
  spectral_contrast: "brightness, noise",
  zcr: "zero crossings",
  modulation: "movement",
  level_shape: "loudness curve",
  rms: "attack, decay",
  rhythm: "rhythm",
};

export const aspectName = (aspect) => NAMES[aspect] ?? aspect.replaceAll("_", " ");

const total = (weights) => Object.values(weights).reduce((sum, weight) => sum + weight, 0);

/** A group's default weight. */
export const groupWeight = (group) => total(GROUPS[group]);

/** Group → score in [0, 1], from the aspects' own; groups of which nothing is known are left out. */
export function groupScores(aspects) {
  const scores = {};
  for (const [group, members] of Object.entries(GROUPS)) {
    const known = Object.entries(members).filter(([aspect]) => aspect in aspects);
    if (!known.length) continue;
    scores[group] = known.reduce((sum, [aspect, weight]) => sum + weight * aspects[aspect], 0) / total(Object.fromEntries(known));
  }
  return scores;
}
