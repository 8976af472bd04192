/** Numbers and places as people read them. */

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number);

/** "1 sound", "1,056 sounds". */
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** Seconds: "2.3 ms", "0.30 s", "12.4 s", "3:07", "1:02:45". */
export function duration(seconds) {
  if (seconds < 0.01) return `${(1000 * seconds).toFixed(1)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return clock(seconds);
}

/** Seconds as a place in a sound: "1:20". */
export function clock(seconds) {
  const all = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** Seconds to wait: "40 s", "12 min", "3 h". */
export function wait(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export const channels = (number) => ["", "mono", "stereo"][number] ?? `${number} channels`;

export const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);

/** The directory of a path, shortened to what lies below the watched folder, which is named by its last part. */
export function place(path, folders) {
  const directory = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  const root = folders.find((folder) => directory === folder || directory.startsWith(`${folder}/`));
  return root ? directory.slice(root.lastIndexOf("/") + 1) : directory;
}
