CREATE TABLE cooler_states (
  source VARCHAR(81) NOT NULL,
  t_s FLOAT NOT NULL,
  air_c FLOAT,
  product_c FLOAT,
  lid_open BOOLEAN,
  lid_s FLOAT,
  node_alarm VARCHAR(20),
  node_alarm_s FLOAT,
  node_alarm_over_s FLOAT,
  watch JSON NOT NULL,
  PRIMARY KEY (source)
);
CREATE TABLE cursors (
  follower VARCHAR(40) NOT NULL,
  event_id INTEGER NOT NULL,
  PRIMARY KEY (follower)
);
CREATE TABLE downlinks (
  gateway VARCHAR(40) NOT NULL,
  "plan" VARCHAR(40) NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  sent_s FLOAT,
  acknowledged_revision INTEGER,
  acknowledged_s FLOAT,
  PRIMARY KEY (gateway)
);
CREATE TABLE events (
  id INTEGER NOT NULL,
  gateway VARCHAR(40) NOT NULL,
  source VARCHAR(81) NOT NULL,
  boot INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind VARCHAR(20) NOT NULL,
  t_s FLOAT NOT NULL,
  received_s FLOAT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT uq_event_identity UNIQUE (source, boot, seq)
);
CREATE INDEX ix_events_kind_t ON events (kind, t_s);
CREATE TABLE excursions (
  id VARCHAR(100) NOT NULL,
  source VARCHAR(81) NOT NULL,
  rule VARCHAR(40) NOT NULL,
  limit_c FLOAT,
  began_s FLOAT NOT NULL,
  opened_s FLOAT NOT NULL,
  extreme_c FLOAT,
  recovered_s FLOAT,
  closed_s FLOAT,
  closed_by VARCHAR(80) NOT NULL,
  comment VARCHAR(500) NOT NULL,
  disposition VARCHAR(20) NOT NULL,
  contents JSON,
  PRIMARY KEY (id)
);
CREATE INDEX ix_excursions_opened_s ON excursions (opened_s);
CREATE INDEX ix_excursions_source ON excursions (source);
CREATE TABLE gateways (
  gateway VARCHAR(40) NOT NULL,
  hub VARCHAR(40) NOT NULL,
  online BOOLEAN NOT NULL,
  boot INTEGER NOT NULL,
  t_s FLOAT NOT NULL,
  software VARCHAR(40) NOT NULL,
  PRIMARY KEY (gateway)
);
CREATE TABLE hubs (
  id VARCHAR(40) NOT NULL,
  name VARCHAR(80) NOT NULL,
  lat FLOAT NOT NULL,
  lon FLOAT NOT NULL,
  open_from VARCHAR(5) NOT NULL,
  open_to VARCHAR(5) NOT NULL, stands JSON DEFAULT '[]' NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE lanes (
  gateway VARCHAR(40) NOT NULL,
  outbox VARCHAR(40) NOT NULL,
  lane VARCHAR(10) NOT NULL,
  committed_n INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  newest_n INTEGER,
  PRIMARY KEY (gateway, outbox, lane)
);
CREATE TABLE nodes (
  node VARCHAR(81) NOT NULL,
  gateway VARCHAR(40) NOT NULL,
  t_s FLOAT NOT NULL,
  online BOOLEAN NOT NULL,
  dropped INTEGER NOT NULL,
  rejected_frames INTEGER NOT NULL,
  firmware VARCHAR(40) NOT NULL,
  PRIMARY KEY (node)
);
CREATE INDEX ix_orders_day ON orders (day);
CREATE INDEX ix_orders_stop ON orders (stop);
CREATE TABLE orders (
  id VARCHAR(40) NOT NULL,
  supplier VARCHAR(40),
  resident VARCHAR(40) NOT NULL,
  day VARCHAR(10) NOT NULL,
  kind VARCHAR(20) NOT NULL,
  goods VARCHAR(30) NOT NULL,
  quantity INTEGER NOT NULL,
  from_s FLOAT NOT NULL,
  to_s FLOAT NOT NULL,
  release_s FLOAT,
  to_lat FLOAT,
  to_lon FLOAT,
  to_name VARCHAR(120) NOT NULL,
  chores JSON NOT NULL,
  letterbox_allowed BOOLEAN NOT NULL,
  until_day VARCHAR(10),
  optional BOOLEAN NOT NULL,
  state VARCHAR(20) NOT NULL,
  created_s FLOAT NOT NULL,
  stop VARCHAR(40),
  PRIMARY KEY (id),
  FOREIGN KEY(resident) REFERENCES residents (id),
  FOREIGN KEY(supplier) REFERENCES suppliers (id)
);
CREATE INDEX ix_parcels_order_id ON parcels (order_id);
CREATE TABLE parcels (
  code VARCHAR(40) NOT NULL,
  order_id VARCHAR(40) NOT NULL,
  direction VARCHAR(8) NOT NULL,
  temp_class VARCHAR(10) NOT NULL,
  state VARCHAR(12) NOT NULL,
  van VARCHAR(40),
  changed_s FLOAT,
  PRIMARY KEY (code),
  FOREIGN KEY(order_id) REFERENCES orders (id)
);
CREATE INDEX ix_plans_day ON plans (day);
CREATE TABLE plans (
  id VARCHAR(40) NOT NULL,
  day VARCHAR(10) NOT NULL,
  revision INTEGER NOT NULL,
  made_s FLOAT NOT NULL,
  reason VARCHAR(300) NOT NULL,
  reason_en VARCHAR(300) NOT NULL,
  state VARCHAR(10) NOT NULL,
  decided_s FLOAT,
  engine VARCHAR(80) NOT NULL,
  seed INTEGER NOT NULL,
  inputs_hash VARCHAR(64) NOT NULL,
  solve_s FLOAT NOT NULL,
  body JSON NOT NULL,
  changes JSON NOT NULL,
  evidence BLOB,
  PRIMARY KEY (id),
  CONSTRAINT uq_plan_revision UNIQUE (day, revision)
);
CREATE INDEX ix_rejects_origin ON rejects (origin);
CREATE TABLE rejects (
  id INTEGER NOT NULL,
  received_s FLOAT NOT NULL,
  origin VARCHAR(120) NOT NULL,
  field VARCHAR(80) NOT NULL,
  reason VARCHAR(300) NOT NULL,
  count INTEGER NOT NULL,
  payload BLOB,
  PRIMARY KEY (id)
);
CREATE TABLE residents (
  id VARCHAR(40) NOT NULL,
  name VARCHAR(80) NOT NULL,
  street VARCHAR(80) NOT NULL,
  number VARCHAR(10) NOT NULL,
  postcode VARCHAR(7) NOT NULL,
  lat FLOAT NOT NULL,
  lon FLOAT NOT NULL,
  hub VARCHAR(40) NOT NULL,
  hint VARCHAR(200) NOT NULL,
  usual_step INTEGER,
  talk_max_s INTEGER,
  last_contact_day VARCHAR(10),
  known_vans JSON NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(hub) REFERENCES hubs (id)
);
CREATE TABLE series (
  source VARCHAR(81) NOT NULL,
  field VARCHAR(30) NOT NULL,
  t_s FLOAT NOT NULL,
  value FLOAT,
  PRIMARY KEY (source, field, t_s)
)
 WITHOUT ROWID
;
CREATE INDEX ix_shipments_day ON shipments (day);
CREATE TABLE shipments (
  id VARCHAR(40) NOT NULL,
  supplier VARCHAR(40) NOT NULL,
  hub VARCHAR(40) NOT NULL,
  day VARCHAR(10) NOT NULL,
  t_s FLOAT NOT NULL,
  km FLOAT,
  PRIMARY KEY (id),
  FOREIGN KEY(hub) REFERENCES hubs (id),
  FOREIGN KEY(supplier) REFERENCES suppliers (id)
);
CREATE TABLE sources (
  source VARCHAR(81) NOT NULL,
  boot INTEGER NOT NULL,
  received INTEGER NOT NULL,
  highest_seq INTEGER NOT NULL,
  last_t_s FLOAT NOT NULL,
  PRIMARY KEY (source, boot)
);
CREATE INDEX ix_stops_day ON stops (day);
CREATE INDEX ix_stops_resident ON stops (resident);
CREATE INDEX ix_stops_van_state ON stops (van, state);
CREATE TABLE stops (
  id VARCHAR(40) NOT NULL,
  day VARCHAR(10) NOT NULL,
  hub VARCHAR(40) NOT NULL,
  resident VARCHAR(40) NOT NULL,
  kind VARCHAR(14) NOT NULL,
  from_s FLOAT NOT NULL,
  to_s FLOAT NOT NULL,
  service_s FLOAT NOT NULL,
  state VARCHAR(12) NOT NULL,
  van VARCHAR(40),
  locked BOOLEAN NOT NULL,
  attempts INTEGER NOT NULL,
  state_s FLOAT,
  promised_s FLOAT,
  talk_s FLOAT NOT NULL,
  moved_to VARCHAR(10),
  PRIMARY KEY (id),
  FOREIGN KEY(resident) REFERENCES residents (id)
);
CREATE TABLE suppliers (
  id VARCHAR(40) NOT NULL,
  name VARCHAR(80) NOT NULL,
  lat FLOAT NOT NULL,
  lon FLOAT NOT NULL,
  van_class VARCHAR(40) NOT NULL,
  approach_km FLOAT NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX ix_triggers_plan ON triggers ("plan");
CREATE TABLE triggers (
  id INTEGER NOT NULL,
  t_s FLOAT NOT NULL,
  kind VARCHAR(20) NOT NULL,
  subject VARCHAR(80) NOT NULL,
  words VARCHAR(300) NOT NULL,
  words_en VARCHAR(300) NOT NULL,
  "plan" VARCHAR(40),
  cause VARCHAR(160),
  PRIMARY KEY (id),
  UNIQUE (cause)
);
CREATE TABLE van_states (
  van VARCHAR(40) NOT NULL,
  position_s FLOAT,
  fix_s FLOAT,
  fix VARCHAR(4) NOT NULL,
  lat FLOAT,
  lon FLOAT,
  speed_m_s FLOAT,
  heading_deg FLOAT,
  vehicle_s FLOAT,
  soc_percent FLOAT,
  odometer_km FLOAT,
  first_odometer_km FLOAT,
  odometer_day VARCHAR(10) NOT NULL,
  plugged BOOLEAN,
  phase VARCHAR(14) NOT NULL,
  phase_s FLOAT,
  stop VARCHAR(40),
  arrived_s FLOAT,
  extra_s FLOAT NOT NULL,
  PRIMARY KEY (van)
);
CREATE TABLE vans (
  id VARCHAR(40) NOT NULL,
  hub VARCHAR(40) NOT NULL,
  concierge VARCHAR(80) NOT NULL,
  skills JSON NOT NULL,
  capacity JSON NOT NULL,
  shift_from VARCHAR(5) NOT NULL,
  shift_to VARCHAR(5) NOT NULL,
  lunch_from VARCHAR(5),
  lunch_to VARCHAR(5),
  lunch_s INTEGER NOT NULL,
  partition BOOLEAN NOT NULL,
  energy JSON,
  battery_kwh FLOAT NOT NULL,
  kwh_per_km FLOAT NOT NULL,
  charge_kw FLOAT NOT NULL,
  in_service BOOLEAN NOT NULL,
  out_reason VARCHAR(200) NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(hub) REFERENCES hubs (id)
);
CREATE INDEX ix_visits_day ON visits (day);
CREATE INDEX ix_visits_stop ON visits (stop);
CREATE TABLE visits (
  event INTEGER NOT NULL,
  day VARCHAR(10) NOT NULL,
  stop VARCHAR(40) NOT NULL,
  van VARCHAR(40) NOT NULL,
  t_s FLOAT NOT NULL,
  began_s FLOAT,
  outcome VARCHAR(24) NOT NULL,
  step INTEGER,
  delivered JSON NOT NULL,
  collected JSON NOT NULL,
  chores_done JSON NOT NULL,
  distance_m FLOAT,
  PRIMARY KEY (event)
);
