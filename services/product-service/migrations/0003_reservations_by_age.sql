-- What the deletion of old reservations looks for: their ids are in no order of time.
CREATE INDEX reservations_by_age ON reservations (created_at);
