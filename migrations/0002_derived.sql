-- What follows the log: where each follower stands, what it could not apply, and the rows behind leases and slots.
-- pg-boss keeps a schema of its own (pgboss), which it creates and upgrades by itself.

create schema derived;
create schema queue;
-- Read models live in read; a rebuild fills read_next and swaps.
create schema if not exists read;

create table derived.checkpoint (
  name text not null,
  -- read: serves; read_next: being rebuilt; jobs: a reactor
  target text not null check (target in ('read', 'read_next', 'jobs')),
  version int not null,
  -- every event up to this position is applied, parked or of no concern
  position bigint not null check (position >= 0),
  -- changes with every rebuild: who began under an older one cannot write any more
  token uuid not null default gen_random_uuid(),
  -- the last trouble, null when it runs
  trouble text,
  updated_at timestamptz not null default now(),
  primary key (name, target)
);
comment on table derived.checkpoint is 'How far each projection and reactor has followed the log';

create table derived.parked (
  name text not null,
  target text not null,
  position bigint not null,
  stream text not null,
  type text not null,
  -- null: waits behind an earlier event of its stream
  reason text,
  attempts int not null default 0,
  at timestamptz not null default now(),
  primary key (name, target, position),
  foreign key (name, target) references derived.checkpoint (name, target) on update cascade on delete cascade
);
create index parked_by_stream on derived.parked (name, target, stream, position);
comment on table derived.parked is 'Events that could not be applied; each holds its stream until it is retried';

create table queue.lease (
  name text primary key,
  holder text not null,
  -- fencing token: grows with every change of hands
  epoch bigint not null,
  expires_at timestamptz not null
);
comment on table queue.lease is 'Who may do a thing that only one process may do, until when by the clock of this database';

create table queue.slot (
  task_id text primary key,
  host text not null,
  tool text not null,
  host_slot int not null check (host_slot > 0),
  tool_slot int not null check (tool_slot > 0),
  granted_at timestamptz not null default now(),
  unique (host, host_slot),
  unique (host, tool, tool_slot)
);
comment on table queue.slot is 'Running tasks by host and tool: the numbers are bounded by the limits, so no limit can be exceeded';
