-- The outbox tells of devices, too.
DROP TRIGGER webhook_outbox;
--> statement-breakpoint
CREATE TRIGGER webhook_outbox AFTER INSERT ON events
WHEN NEW.type IN (
  'search.started', 'search.paused', 'search.resumed', 'search.completed', 'search.failed', 'search.cancelled',
  'search.stalled', 'stage.completed', 'front.improved', 'front.reranked', 'training.completed', 'training.failed',
  'budget.threshold', 'instance.launched', 'instance.lost', 'instance.terminated', 'instance.stuck', 'rental.waiting',
  'device.quarantined', 'device.disagrees', 'measurement.failed'
)
BEGIN
  INSERT INTO webhook_deliveries
    (id, webhook_id, search_id, type, data, state, tries, attempts, next_attempt_at, created_at)
  SELECT 'msg_' || lower(hex(randomblob(12))), w.id, NEW.search_id, NEW.type,
    json_set(NEW.data, '$.searchId', s.id, '$.name', s.name, '$.campaignId', s.campaign_id,
      '$.sequence', NEW.sequence, '$.progress', json(json_remove(c.summary, '$.seconds'))),
    'pending', 0, '[]', NEW.created_at, NEW.created_at
  FROM webhooks w
  JOIN searches s ON s.id = NEW.search_id
  JOIN controller_states c ON c.search_id = s.id
  WHERE w.enabled = 1
    AND (w.search_id IS NULL OR w.search_id = s.id)
    AND (w.campaign_id IS NULL OR w.campaign_id = s.campaign_id)
    AND (json_array_length(w.events) = 0
      OR EXISTS (SELECT 1 FROM json_each(w.events) AS wanted WHERE NEW.type GLOB wanted.value));
END;
