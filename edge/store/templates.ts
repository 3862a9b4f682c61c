/** Templates by name. */

import { and, asc, eq, gt } from "drizzle-orm";
import { templates } from "../../schema/triggers.ts";
import type { Template } from "../../shared/template.ts";
import { database, statement } from "./database.ts";

export type StoredTemplate = typeof templates.$inferSelect;

/** As it was checked. */
export const templateOf = ({
  name,
  description,
  specification,
  campaign,
}: Pick<StoredTemplate, "name" | "description" | "specification" | "campaign">): Template => ({
  name,
  description,
  ...(specification === null ? {} : { specification }),
  ...(campaign === null ? {} : { campaign }),
});

const columnsOf = ({ name, description, specification, campaign }: Template) => ({
  name,
  description,
  specification: specification ?? null,
  campaign: campaign ?? null,
});

/** False where the name is taken. */
export async function insertTemplate(db: D1Database, template: Template): Promise<boolean> {
  const inserted = await database(db)
    .insert(templates)
    .values({ ...columnsOf(template), version: 1, createdAt: Date.now() })
    .onConflictDoNothing()
    .returning({ name: templates.name });
  return inserted.length > 0;
}

export async function findTemplate(db: D1Database, name: string): Promise<StoredTemplate | null> {
  const [row] = await database(db).select().from(templates).where(eq(templates.name, name));
  return row ?? null;
}

/** By name, those after one. */
export const listTemplates = (
  db: D1Database,
  { after, limit }: { after: string; limit: number },
): Promise<StoredTemplate[]> =>
  database(db)
    .select()
    .from(templates)
    .where(gt(templates.name, after))
    .orderBy(asc(templates.name))
    .limit(limit);

/** Changes a template if it still has this version; false when it has not. */
export async function changeTemplate(db: D1Database, template: Template, version: number): Promise<boolean> {
  const changed = await database(db)
    .update(templates)
    .set({ ...columnsOf(template), version: version + 1 })
    .where(and(eq(templates.name, template.name), eq(templates.version, version)))
    .returning({ name: templates.name });
  return changed.length > 0;
}

/** False where a trigger starts it. */
export async function deleteTemplate(db: D1Database, name: string): Promise<boolean> {
  const deleted = await statement(
    db,
    `DELETE FROM templates WHERE name = :name AND NOT EXISTS (SELECT 1 FROM triggers WHERE template = :name)
     RETURNING name`,
    { name },
  ).first();
  return deleted !== null;
}
