CREATE TABLE `calibrations` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`key` text NOT NULL,
	`space` text NOT NULL,
	`size` text NOT NULL,
	`state` text NOT NULL,
	`predictors` text,
	`failure` text,
	`seconds` real,
	`created_at` integer NOT NULL,
	`finished_at` integer,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `calibrations_by_key` ON `calibrations` (`device_id`,`key`);--> statement-breakpoint
CREATE INDEX `calibrations_under_way` ON `calibrations` (`created_at`) WHERE state = 'measuring';--> statement-breakpoint
CREATE TABLE `devices` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`token_id` text,
	`backend` text NOT NULL,
	`fingerprint` text,
	`objectives` text NOT NULL,
	`state` text NOT NULL,
	`problem` text,
	`reference` text,
	`url` text,
	`sealed_secret` text,
	`created_at` integer NOT NULL,
	`seen_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `devices_name_unique` ON `devices` (`name`);--> statement-breakpoint
CREATE INDEX `devices_by_kind` ON `devices` (`kind`,`state`);--> statement-breakpoint
CREATE TABLE `measurements` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`search_id` text,
	`round` integer,
	`calibration_id` text,
	`purpose` text NOT NULL,
	`objectives` text NOT NULL,
	`settings` text NOT NULL,
	`subjects` text NOT NULL,
	`state` text NOT NULL,
	`results` text,
	`conditions` text,
	`failure` text,
	`lease_id` text,
	`created_at` integer NOT NULL,
	`finished_at` integer,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `measurements_of_device` ON `measurements` (`device_id`,`state`,`created_at`);--> statement-breakpoint
CREATE INDEX `measurements_waiting` ON `measurements` (`created_at`) WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX `measurements_by_search` ON `measurements` (`search_id`,`state`) WHERE search_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `measurements_by_calibration` ON `measurements` (`calibration_id`) WHERE calibration_id IS NOT NULL;--> statement-breakpoint
ALTER TABLE `architectures` ADD `predicted` text;