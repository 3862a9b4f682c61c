/** What a request costs the database, counted where it is asked for: D1 bills rows, and a Worker may make so many queries. */

/** Of one request. Rows are those that D1 reports, which it does not for `first` and `raw`. */
export interface Usage {
  /** Calls of the database; a batch is one. */
  trips: number;
  queries: number;
  rowsRead: number;
  rowsWritten: number;
}

export const noUsage = (): Usage => ({ trips: 0, queries: 0, rowsRead: 0, rowsWritten: 0 });

/** As a Server-Timing header has it. */
export const timingOf = (usage: Usage): string =>
  `db;desc="${Object.entries(usage)
    .map(([name, count]) => `${name}=${count}`)
    .join(" ")}"`;

/** The database, adding what goes to it to `usage`. */
export function metered(db: D1Database, usage: Usage): D1Database {
  const add = (queries: number, results: readonly unknown[]) => {
    usage.trips += 1;
    usage.queries += queries;
    for (const result of results) {
      const meta = (result as { meta?: D1Meta } | null)?.meta;
      usage.rowsRead += meta?.rows_read ?? 0;
      usage.rowsWritten += meta?.rows_written ?? 0;
    }
  };
  const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const statement = (target: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(target, {
      get(own, key) {
        const value: unknown = Reflect.get(own, key);
        if (key === "bind") return (...values: unknown[]) => statement(own.bind(...values));
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const result: unknown = await value.apply(own, args);
          add(1, [result]);
          return result;
        };
      },
    });
    originals.set(proxy, target);
    return proxy;
  };
  return new Proxy(db, {
    get(target, key) {
      if (key === "prepare") return (sql: string) => statement(target.prepare(sql));
      if (key === "batch")
        return async (list: D1PreparedStatement[]) => {
          const results = await target.batch(list.map((one) => originals.get(one) ?? one));
          add(list.length, results);
          return results;
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
