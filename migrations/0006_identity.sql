-- Which log this is: hosts keep the tasks of several logs apart by it, and a client sees whether it looks at the hub's own.

create table log.identity (
  id uuid primary key default gen_random_uuid(),
  made_at timestamptz not null default now()
);
comment on table log.identity is 'The name of this log, chosen once. A copy of the database keeps it: it is the same log.';
create unique index identity_is_one on log.identity ((true));
insert into log.identity default values;
create trigger immutable before update or delete or truncate on log.identity
  for each statement execute function log.immutable();
