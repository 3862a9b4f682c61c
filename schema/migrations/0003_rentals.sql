CREATE TABLE `bad_hosts` (
	`provider` text NOT NULL,
	`host` text NOT NULL,
	`reason` text NOT NULL,
	`until` integer NOT NULL,
	PRIMARY KEY(`provider`, `host`)
);
--> statement-breakpoint
CREATE INDEX `bad_hosts_by_end` ON `bad_hosts` (`until`);--> statement-breakpoint
CREATE TABLE `hires` (
	`search_id` text PRIMARY KEY NOT NULL,
	`failures` integer NOT NULL,
	`try_at` integer NOT NULL,
	`problem` text NOT NULL,
	`detail` text NOT NULL,
	`since` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `instances` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`search_id` text NOT NULL,
	`provider` text NOT NULL,
	`machine_id` text,
	`state` text NOT NULL,
	`gpu` text NOT NULL,
	`location` text NOT NULL,
	`host` text,
	`interruptible` integer NOT NULL,
	`micro_usd_per_hour` integer NOT NULL,
	`token_id` text,
	`launched_at` integer NOT NULL,
	`registered_at` integer,
	`last_seen_at` integer,
	`checked_at` integer,
	`expires_at` integer NOT NULL,
	`idle_since` integer,
	`drain_until` integer,
	`ended_at` integer,
	`settled_at` integer,
	`reason` text,
	`failure` text,
	`terminations` integer NOT NULL,
	`reserved_micro_usd` integer NOT NULL,
	`accrued_micro_usd` integer NOT NULL,
	`accrued_until` integer NOT NULL,
	`settled_micro_usd` integer NOT NULL,
	`visit_at` integer,
	`version` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `instances_name_unique` ON `instances` (`name`);--> statement-breakpoint
CREATE INDEX `instances_by_search` ON `instances` (`search_id`,`launched_at`);--> statement-breakpoint
CREATE INDEX `instances_by_launch` ON `instances` (`launched_at`,`id`);--> statement-breakpoint
CREATE INDEX `instances_by_state` ON `instances` (`state`);--> statement-breakpoint
CREATE INDEX `instances_by_visit` ON `instances` (`visit_at`) WHERE visit_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `ledger` (
	`id` integer PRIMARY KEY NOT NULL,
	`instance_id` text NOT NULL,
	`search_id` text NOT NULL,
	`kind` text NOT NULL,
	`micro_usd` integer NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ledger_by_search` ON `ledger` (`search_id`,`id`);--> statement-breakpoint
CREATE INDEX `ledger_by_time` ON `ledger` (`at`,`kind`);--> statement-breakpoint
CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `searches` ADD `rents` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `searches` ADD `usd_told` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `searches_renting` ON `searches` (`state`,`created_at`) WHERE rents = 1;