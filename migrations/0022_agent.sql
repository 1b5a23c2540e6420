-- Agents: the read model, and what is true only for the moment: who holds whose socket, heartbeats, which hubs live.

create table read.agent (
  id text primary key,
  version int not null,
  view json not null,
  status text not null generated always as (view ->> 'status') stored,
  name text generated always as (view ->> 'name') stored
);
create index agent_by_name on read.agent (name) where status <> 'revoked';
comment on table read.agent is 'Agents and invites, folded from the streams agent/*';

create schema agent;
comment on schema agent is 'What agents and hubs said last; lost, it is said again within seconds';

create table agent.hub (
  id text primary key,
  machine_id text not null,
  expires_at timestamptz not null
);
comment on table agent.hub is 'Hubs that hold sockets of agents; one that has not said so for a while counts as dead';

create table agent.presence (
  agent_id text primary key,
  session uuid not null,
  hub text not null,
  seen_at timestamptz not null,
  -- the last heartbeat's
  sample json
);
comment on table agent.presence is 'Which session of an agent is the newest, and when it was heard last';

create table agent.sample (
  agent_id text not null,
  at timestamptz not null,
  sample json not null,
  primary key (agent_id, at)
);
create index sample_by_age on agent.sample (at);
comment on table agent.sample is 'Heartbeats of the last day: percent of cpu, memory and disk, load, uptime';

create view report.agents as
  select id as agent_id, name, status, view ->> 'hostname' as hostname,
    (select string_agg(tag, ' ' order by tag) from json_array_elements_text(view -> 'tags') as tag) as tags,
    view -> 'hello' ->> 'os' as os, view -> 'hello' ->> 'version' as agent_version,
    seen_at as last_seen_at, (sample ->> 'cpu')::numeric as cpu, (sample ->> 'memory')::numeric as memory,
    (sample ->> 'disk')::numeric as disk,
    view ->> 'invitedBy' as invited_by,
    (view ->> 'createdAt')::timestamptz as invited_at,
    (view ->> 'enrolledAt')::timestamptz as enrolled_at,
    (view ->> 'revokedAt')::timestamptz as revoked_at
  from read.agent left join agent.presence on agent_id = id;
comment on view report.agents is 'Agents on hosts, and invites';
comment on column report.agents.agent_id is 'Its id';
comment on column report.agents.name is 'What its host is called in instructions';
comment on column report.agents.status is 'invited, enrolled, revoked';
comment on column report.agents.hostname is 'What the host calls itself';
comment on column report.agents.tags is 'Its tags, separated by spaces';
comment on column report.agents.os is 'Its operating system';
comment on column report.agents.agent_version is 'Of the agent';
comment on column report.agents.last_seen_at is 'Its last heartbeat; null: none';
comment on column report.agents.cpu is 'Percent in use, at the last heartbeat';
comment on column report.agents.memory is 'Percent in use, at the last heartbeat';
comment on column report.agents.disk is 'Percent of the root disk in use, at the last heartbeat';
comment on column report.agents.invited_by is 'Who made the invite';
comment on column report.agents.invited_at is 'When the invite was made';
comment on column report.agents.enrolled_at is 'When the host became an agent; null: not yet';
comment on column report.agents.revoked_at is 'When it was revoked; null: it was not';
select report.admit_reader();
