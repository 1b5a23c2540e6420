-- The rooms' read models: one row per thing, the folded view as JSON and, derived from it, the columns that queries need.
-- Written only by the rooms' projections; rebuilt at any time from the log.

alter table queue.slot add column sent_at timestamptz;
comment on column queue.slot.sent_at is 'When the launch of the task was first sent to the host; null: nothing was sent';

create table read.task (
  id text primary key,
  version int not null,
  view json not null,
  -- for lists: the command cut, the context left out
  brief json not null,
  host text not null generated always as (view ->> 'host') stored,
  tool text not null generated always as (view ->> 'tool') stored,
  status text not null generated always as (view ->> 'status') stored,
  priority int not null generated always as ((view ->> 'priority')::int) stored,
  -- ISO 8601 in UTC with microseconds: text order is time order
  created_at text collate "C" not null generated always as (view ->> 'createdAt') stored
);
create index task_by_age on read.task (created_at desc, id desc);
create index task_by_host on read.task (host, created_at desc);
create index task_open on read.task (host, status) where status in ('queued', 'starting', 'running', 'waiting', 'unknown');
comment on table read.task is 'Tasks, folded from the streams task/*';

create table read.task_after (
  task_id text not null,
  waits_for text not null,
  primary key (task_id, waits_for)
);
create index task_after_reverse on read.task_after (waits_for);
comment on table read.task_after is 'Which task waits for which';

create table read.host (
  id text primary key,
  version int not null,
  view json not null,
  removed boolean not null generated always as ((view ->> 'removed')::boolean) stored
);
comment on table read.host is 'Hosts, folded from the streams host/*; local has a row only once something was said of it';

create table read.tool (
  id text primary key,
  version int not null,
  view json not null
);
comment on table read.tool is 'User-defined tools, folded from the streams tool/*';

create table read.schedule (
  id text primary key,
  version int not null,
  view json not null,
  status text not null generated always as (view ->> 'status') stored
);
comment on table read.schedule is 'Schedules, folded from the streams schedule/*';
