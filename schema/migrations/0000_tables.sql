CREATE TABLE `architectures` (
	`search_id` text NOT NULL,
	`stage` integer NOT NULL,
	`hash` text NOT NULL,
	`genotype` text NOT NULL,
	`selection` text NOT NULL,
	`values` text NOT NULL,
	`feasible` integer NOT NULL,
	`on_front` integer NOT NULL,
	`round` integer NOT NULL,
	`images` integer NOT NULL,
	`version` integer NOT NULL,
	`evidence` text NOT NULL,
	`shared_weights_accuracy` real,
	`training_steps` integer,
	`test_accuracy` real,
	PRIMARY KEY(`search_id`, `hash`, `stage`)
);
--> statement-breakpoint
CREATE TABLE `audit` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`principal_id` text,
	`principal_name` text,
	`action` text NOT NULL,
	`target_type` text NOT NULL,
	`target_id` text,
	`request_id` text NOT NULL,
	`status` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_by_time` ON `audit` (`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_by_principal` ON `audit` (`principal_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_by_action` ON `audit` (`action`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_by_target` ON `audit` (`target_id`,`at`,`id`);--> statement-breakpoint
CREATE TABLE `blob_parts` (
	`blob_id` text NOT NULL,
	`part` integer NOT NULL,
	`etag` text NOT NULL,
	PRIMARY KEY(`blob_id`, `part`)
);
--> statement-breakpoint
CREATE TABLE `blobs` (
	`id` text PRIMARY KEY NOT NULL,
	`search_id` text NOT NULL,
	`training_id` text,
	`lease_id` text NOT NULL,
	`purpose` text NOT NULL,
	`round` integer,
	`format` text,
	`file_name` text NOT NULL,
	`bytes` integer NOT NULL,
	`sha256` text,
	`object_key` text NOT NULL,
	`upload_id` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `blobs_by_search` ON `blobs` (`search_id`,`purpose`,`created_at`);--> statement-breakpoint
CREATE INDEX `blobs_by_training` ON `blobs` (`training_id`,`purpose`,`created_at`);--> statement-breakpoint
CREATE INDEX `blobs_importing` ON `blobs` (`created_at`) WHERE purpose = 'import';--> statement-breakpoint
CREATE TABLE `campaigns` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`visibility` text NOT NULL,
	`specification` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `campaigns_by_creation` ON `campaigns` (`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `datasets` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`header` text NOT NULL,
	`bytes` integer NOT NULL,
	`created_at` integer NOT NULL,
	`completed_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `datasets_name_unique` ON `datasets` (`name`);--> statement-breakpoint
CREATE TABLE `events` (
	`search_id` text NOT NULL,
	`sequence` integer NOT NULL,
	`type` text NOT NULL,
	`data` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`search_id`, `sequence`)
);
--> statement-breakpoint
CREATE TABLE `rate_counts` (
	`principal` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`window_end` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `rate_counts_by_end` ON `rate_counts` (`window_end`);--> statement-breakpoint
CREATE TABLE `rounds` (
	`search_id` text NOT NULL,
	`round` integer NOT NULL,
	`stage` integer NOT NULL,
	`phase` text NOT NULL,
	`task` text NOT NULL,
	`candidates` text NOT NULL,
	`train_loss` real,
	`hypervolume` real,
	`pruned` text NOT NULL,
	`digest` text NOT NULL,
	`seconds` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`search_id`, `round`)
);
--> statement-breakpoint
CREATE TABLE `leases` (
	`resource` text PRIMARY KEY NOT NULL,
	`search_id` text NOT NULL,
	`lease_id` text NOT NULL,
	`runner_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	`attempts` integer NOT NULL,
	`progress` text
);
--> statement-breakpoint
CREATE INDEX `leases_by_search` ON `leases` (`search_id`);--> statement-breakpoint
CREATE TABLE `runners` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`backend` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `controller_states` (
	`search_id` text PRIMARY KEY NOT NULL,
	`round` integer NOT NULL,
	`state` text NOT NULL,
	`summary` text NOT NULL,
	`busy_seconds` real NOT NULL
);
--> statement-breakpoint
CREATE TABLE `searches` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`state` text NOT NULL,
	`searching` integer NOT NULL,
	`visibility` text NOT NULL,
	`specification` text NOT NULL,
	`data` text NOT NULL,
	`dataset_id` text,
	`campaign_id` text,
	`place` text,
	`trigger_id` text,
	`failure` text,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer,
	`stalled_at` integer,
	`gpu_hours_told` integer DEFAULT 0 NOT NULL,
	`wall_clock_hours_told` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`dataset_id`) REFERENCES `datasets`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`campaign_id`) REFERENCES `campaigns`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE INDEX `searches_by_creation` ON `searches` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `searches_by_state` ON `searches` (`state`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `searches_by_data` ON `searches` (`data`,`visibility`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `searches_by_campaign` ON `searches` (`campaign_id`) WHERE campaign_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `searches_by_trigger` ON `searches` (`trigger_id`,`state`) WHERE trigger_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `searches_by_dataset` ON `searches` (`dataset_id`) WHERE dataset_id IS NOT NULL;--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`principal` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`status` integer,
	`location` text,
	`body` text,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`principal`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_by_expiry` ON `idempotency_keys` (`expires_at`);--> statement-breakpoint
CREATE TABLE `tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`hash` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	`revoked_at` integer,
	`search_id` text,
	`instance` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tokens_hash_unique` ON `tokens` (`hash`);--> statement-breakpoint
CREATE INDEX `tokens_by_creation` ON `tokens` (`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `trainings` (
	`id` text PRIMARY KEY NOT NULL,
	`search_id` text NOT NULL,
	`hash` text NOT NULL,
	`purpose` text NOT NULL,
	`rung` integer,
	`genotype` text NOT NULL,
	`recipe` text NOT NULL,
	`state` text NOT NULL,
	`report` text,
	`failure` text,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer
);
--> statement-breakpoint
CREATE INDEX `trainings_by_search` ON `trainings` (`search_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `trainings_by_state` ON `trainings` (`state`,`created_at`);--> statement-breakpoint
CREATE TABLE `templates` (
	`name` text PRIMARY KEY NOT NULL,
	`description` text NOT NULL,
	`specification` text,
	`campaign` text,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `trigger_deliveries` (
	`trigger_id` text NOT NULL,
	`delivery_id` text NOT NULL,
	`event` text,
	`state` text NOT NULL,
	`reason` text,
	`search_id` text,
	`campaign_id` text,
	`gpu_hours` real,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`trigger_id`, `delivery_id`),
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trigger_deliveries_by_creation` ON `trigger_deliveries` (`trigger_id`,`created_at`,`delivery_id`);--> statement-breakpoint
CREATE TABLE `triggers` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`template` text NOT NULL,
	`source` text NOT NULL,
	`events` text,
	`filters` text NOT NULL,
	`mapping` text NOT NULL,
	`max_running` integer,
	`budget_gpu_hours` real,
	`enabled` integer NOT NULL,
	`sealed_secret` text NOT NULL,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`template`) REFERENCES `templates`(`name`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `triggers_by_creation` ON `triggers` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `triggers_by_template` ON `triggers` (`template`);--> statement-breakpoint
CREATE TABLE `webhook_deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`webhook_id` text NOT NULL,
	`search_id` text,
	`type` text NOT NULL,
	`data` text NOT NULL,
	`state` text NOT NULL,
	`tries` integer NOT NULL,
	`attempts` text NOT NULL,
	`next_attempt_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_due` ON `webhook_deliveries` (`next_attempt_at`) WHERE next_attempt_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_webhook` ON `webhook_deliveries` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_state` ON `webhook_deliveries` (`webhook_id`,`state`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`url` text NOT NULL,
	`description` text NOT NULL,
	`events` text NOT NULL,
	`search_id` text,
	`campaign_id` text,
	`format` text NOT NULL,
	`enabled` integer NOT NULL,
	`disabled_reason` text,
	`sealed_secret` text NOT NULL,
	`previous_sealed_secret` text,
	`previous_until` integer,
	`origin` text NOT NULL,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhooks_by_enabled` ON `webhooks` (`enabled`);--> statement-breakpoint
CREATE INDEX `webhooks_by_creation` ON `webhooks` (`created_at`,`id`);