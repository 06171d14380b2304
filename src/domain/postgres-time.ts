/** A time as Postgres writes it. Year 0 and offsets from 16 hours on are none to it. */
const TIME = /^(?!0000)(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?[+-](0\d|1[0-5])(:[0-5]\d)?$/;

/** Whether Postgres can read a time that it is said to have written: no 30th of February, no hour 24. */
export function isPostgresTime(text: string): boolean {
  const [, day, time] = TIME.exec(text) ?? [];
  if (day === undefined || time === undefined) return false;
  const moment = new Date(`${day}T${time}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(`${day}T${time}`);
}
