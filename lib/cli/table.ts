/**
 * A table of text: the first column to the left, the others to the right.
 *
 *     wide      label        one     two           narrow    label
 *               total     1.20 s  0.90 s                       one     1.20 s
 *                                                              two     0.90 s
 */

export interface Table {
  /** Titles of the value columns. */
  columns: string[];
  rows: { label: string; values: string[] }[];
}

const GAP = '  ';

/** @param width columns of the terminal. @returns lines; none is longer than `width` where the values allow. */
export function tableLines(table: Table, width: number): string[] {
  const wide = wideLines(table);
  return Math.max(...wide.map((line) => line.length)) <= width ? wide : narrowLines(table);
}

function wideLines({ columns, rows }: Table): string[] {
  const labelWidth = widest(rows.map((row) => row.label));
  const widths = columns.map((title, at) => widest([title, ...rows.map((row) => row.values[at])]));
  const line = (label: string, values: string[]): string =>
    [label.padEnd(labelWidth), ...values.map((value, at) => value.padStart(widths[at]))].join(GAP);
  return [line('', columns), ...rows.map((row) => line(row.label, row.values))];
}

function narrowLines({ columns, rows }: Table): string[] {
  const titleWidth = widest(columns);
  const valueWidth = widest(rows.flatMap((row) => row.values));
  return rows.flatMap((row) => [
    row.label,
    ...row.values.map((value, at) => `${GAP}${columns[at].padEnd(titleWidth)}${GAP}${value.padStart(valueWidth)}`),
  ]);
}

function widest(texts: string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}
