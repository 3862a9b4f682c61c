ALTER TABLE `leases` ADD `heard` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `leases` ADD `reached` integer;