-- Plans: large results beside the log, the read models, the report views.

create schema plan;
comment on schema plan is 'What is too much for events, or not for them: events carry its size and SHA-256.';

create table plan.result (
  command_id uuid primary key,
  plan_id text not null,
  -- JSON as it was hashed
  data text not null,
  at timestamptz not null default now()
);
comment on table plan.result is 'Results above 16 KiB, written before the event that names them';

create table plan.content (
  -- of the salt, a line feed and the content: the log has this and not the salt, so that nothing can be guessed from it
  sha256 text primary key,
  plan_id text not null,
  salt text not null,
  content text not null,
  at timestamptz not null default now()
);
create index content_by_age on plan.content (at);
comment on table plan.content is 'Contents of files, shell commands and secret values of plans, which no event holds; may be deleted at any time: what was not carried out by then never is';

create table read.plan (
  id text primary key,
  version int not null,
  view json not null,
  -- for lists: contents of files and what was read left out
  brief json not null,
  status text not null generated always as (view ->> 'status') stored,
  -- ISO 8601 in UTC with microseconds: text order is time order
  created_at text collate "C" not null generated always as (view ->> 'createdAt') stored
);
create index plan_by_age on read.plan (created_at desc, id desc);
create index plan_open on read.plan (created_at desc, id desc) where status in ('asked', 'proposed', 'approved', 'running');
comment on table read.plan is 'Plans, folded from the streams plan/*';

create table read.plan_command (
  command_id uuid primary key,
  plan_id text not null,
  step int not null,
  purpose text not null,
  agent_id text not null,
  target_id text,
  version int not null,
  -- milliseconds since 1970: it may not begin later
  deadline bigint not null,
  over boolean not null
);
create index plan_command_open on read.plan_command (agent_id) where not over;
comment on table read.plan_command is 'Every command that was dispatched to an agent, named by the version of its StepDispatched; over: its outcome is in the log';

create view report.plans as
  select id as plan_id, view ->> 'text' as instruction, view ->> 'by' as requested_by, status,
    view -> 'plan' ->> 'risk' as risk,
    json_array_length(view -> 'plan' -> 'steps') as steps,
    (select count(distinct target ->> 'agentId')::int
      from json_array_elements(view -> 'steps') as step, json_array_elements(step) as target) as hosts,
    (view -> 'counts' ->> 'succeeded')::int as succeeded,
    (view -> 'counts' ->> 'failed')::int + (view -> 'counts' ->> 'rolledBack')::int + (view -> 'counts' ->> 'refused')::int
      + (view -> 'counts' ->> 'expired')::int as failed,
    (view -> 'counts' ->> 'unknown')::int as unknown,
    (view -> 'counts' ->> 'skipped')::int as skipped,
    view -> 'origin' ->> 'by' as understood_by, view -> 'origin' ->> 'model' as model, (view ->> 'dryRun')::boolean as dry_run,
    view -> 'approved' ->> 'by' as approved_by, coalesce(view -> 'rejected' ->> 'by', view -> 'cancel' ->> 'by') as stopped_by,
    coalesce(view ->> 'reason', view -> 'rejected' ->> 'reason', view -> 'question' ->> 'reason') as reason,
    view ->> 'hash' as hash,
    created_at::timestamptz as created_at,
    (view -> 'approved' ->> 'at')::timestamptz as approved_at,
    (view ->> 'startedAt')::timestamptz as started_at,
    (view ->> 'finishedAt')::timestamptz as finished_at,
    extract(epoch from (view ->> 'finishedAt')::timestamptz - (view ->> 'startedAt')::timestamptz)::numeric(20, 3) as seconds
  from read.plan;
comment on view report.plans is 'Instructions and what became of them';
comment on column report.plans.plan_id is 'Its id';
comment on column report.plans.instruction is 'As it was said';
comment on column report.plans.requested_by is 'The account that gave it';
comment on column report.plans.status is 'asked, not-understood, previewed, proposed, approved, running, rejected, expired, succeeded, failed, unknown, cancelled, skipped';
comment on column report.plans.risk is 'low, medium, high or critical; null: there was no plan';
comment on column report.plans.steps is 'How many; null: there was no plan';
comment on column report.plans.hosts is 'On how many hosts';
comment on column report.plans.succeeded is 'Steps on hosts that succeeded; null: it is not over';
comment on column report.plans.failed is 'That failed, were rolled back, were refused or expired';
comment on column report.plans.unknown is 'Of which nobody can tell';
comment on column report.plans.skipped is 'That were not begun';
comment on column report.plans.understood_by is 'phrasebook, model, or draft when nobody had to';
comment on column report.plans.model is 'The model, where one understood it';
comment on column report.plans.dry_run is 'Shown and never carried out';
comment on column report.plans.approved_by is 'The account that said yes; policy: it only reads';
comment on column report.plans.stopped_by is 'Who rejected or cancelled it';
comment on column report.plans.reason is 'Why it ended before everything was done, or was not understood';
comment on column report.plans.hash is 'SHA-256 of exactly what was approved';
comment on column report.plans.created_at is 'When the instruction was given';
comment on column report.plans.approved_at is 'When it was approved';
comment on column report.plans.started_at is 'When its first command was dispatched';
comment on column report.plans.finished_at is 'When it was over; null: it is not';
comment on column report.plans.seconds is 'From the first command to the end';

create view report.steps as
  select plan.id as plan_id, step.nth::int as step, target ->> 'host' as host, target ->> 'agentId' as agent_id,
    frozen ->> 'action' as action, frozen ->> 'risk' as risk, target ->> 'state' as state, target ->> 'summary' as summary,
    (target ->> 'proven')::boolean as proven, target ->> 'commandId' as command_id, plan.view ->> 'by' as requested_by,
    (target ->> 'dispatchedAt')::timestamptz as dispatched_at,
    (target ->> 'acceptedAt')::timestamptz as accepted_at,
    (target ->> 'finishedAt')::timestamptz as finished_at,
    (target ->> 'tookMs')::numeric / 1000 as seconds,
    plan.created_at::timestamptz as created_at
  from read.plan as plan
  cross join lateral json_array_elements(plan.view -> 'plan' -> 'steps') with ordinality as step (frozen, nth)
  cross join lateral json_array_elements(plan.view -> 'steps' -> (step.nth::int - 1)) as target;
comment on view report.steps is 'Every step of every plan on every host';
comment on column report.steps.plan_id is 'The plan';
comment on column report.steps.step is 'Place in the plan, from 1';
comment on column report.steps.host is 'Where';
comment on column report.steps.agent_id is 'The agent there';
comment on column report.steps.action is 'Name in the catalogue';
comment on column report.steps.risk is 'low, medium, high or critical';
comment on column report.steps.state is 'waiting, asking, dispatched, accepted, succeeded, failed, rolled-back, refused, expired, unknown, skipped';
comment on column report.steps.summary is 'How it ended, or why it was skipped';
comment on column report.steps.proven is 'The proof was seen to hold; null: a read, or not over';
comment on column report.steps.command_id is 'The command that the agent was sent; null: none';
comment on column report.steps.requested_by is 'The account that gave the instruction';
comment on column report.steps.dispatched_at is 'When it was sent on its way';
comment on column report.steps.accepted_at is 'When its agent began';
comment on column report.steps.finished_at is 'When its end was recorded';
comment on column report.steps.seconds is 'From begin to end on the host';
comment on column report.steps.created_at is 'When the instruction was given';
select report.admit_reader();
