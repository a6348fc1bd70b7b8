import type { Problem } from '../api/types';
import { capital } from '../lib/format';

/** A value as the server wrote it: text has its quotes already, if it needs them. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a problem document (RFC 9457) says, field by field, and what it says of no field. */
export function errorsOf<K extends string>({ errors = [], detail, title }: Problem, names: readonly K[]): { fields: Partial<Record<K, string>>; other: string } {
  const fields: Partial<Record<K, string>> = {};
  for (const { location = '', message, value } of errors) {
    const parts = location.split(/[./[\]]/);
    const name = names.find((n) => parts.includes(n));
    if (name) fields[name] ??= capital(value === undefined || value === '' ? message : `${message}, is ${plain(value)}`);
  }
  return { fields, other: Object.keys(fields).length > 0 ? '' : capital(detail || title) };
}
