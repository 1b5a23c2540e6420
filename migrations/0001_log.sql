-- The event log: the only record. Everything else in this database is derived from it and may be rebuilt.
--
-- Invariants: positions are 1, 2, 3 … in commit order without gaps, so count(*) = max(position); versions are dense within a
-- stream; each event's hash covers every other field and the hash before; a command id has at most one receipt; nothing is
-- ever changed or removed.

create schema log;
comment on schema log is 'The append-only event log. Written by log.append only.';

create table log.event (
  position bigint primary key check (position > 0),
  stream text not null check (octet_length(stream) between 1 and 512),
  version int not null check (version > 0),
  type text not null check (octet_length(type) between 1 and 100),
  data json not null,
  actor text not null check (octet_length(actor) between 1 and 256),
  command_id uuid not null,
  correlation_id uuid not null,
  causation_id bigint check (causation_id > 0),
  at timestamptz not null,
  hash bytea not null check (octet_length(hash) = 32),
  unique (stream, version)
);
create index event_type on log.event (type, position);

comment on table log.event is 'Every fact, in the order of commit. Append-only.';
comment on column log.event.position is 'Place in the one order: 1, 2, 3 … without gaps.';
comment on column log.event.stream is 'What the fact is about, for example task-20261120-143022-abc123.';
comment on column log.event.version is 'Place within the stream: 1, 2, 3 … without gaps.';
comment on column log.event.type is 'What happened, in the past tense.';
comment on column log.event.data is 'The payload, byte for byte as it was appended (json, not jsonb: the hash covers these bytes).';
comment on column log.event.actor is 'Who caused it: person:ana, worker:host-pid, hub, local-admin.';
comment on column log.event.command_id is 'The command that was carried out; see log.receipt.';
comment on column log.event.correlation_id is 'Shared by everything that came from one request.';
comment on column log.event.causation_id is 'Position of the event that led to this one.';
comment on column log.event.at is 'Time of the append by the database server''s clock.';
comment on column log.event.hash is 'SHA-256 of the hash before and every other field; see log.append.';

create table log.receipt (
  command_id uuid primary key,
  digest bytea not null check (octet_length(digest) = 32),
  outcome text not null check (outcome in ('accepted', 'rejected')),
  stream text not null,
  from_version int,
  to_version int,
  to_position bigint,
  error text,
  at timestamptz not null,
  check ((outcome = 'rejected') = (error is not null)),
  check ((outcome = 'accepted') = (to_position is not null))
);
comment on table log.receipt is 'The answer to each command that was accepted or rejected, so that the same id gets the same answer. A conflict leaves none: that command may be tried again.';
comment on column log.receipt.digest is 'SHA-256 of the stream and the body of the command: tells a repeat from a reuse.';
comment on column log.receipt.from_version is 'First version that was written; to_version + 1 when the command was accepted and changed nothing.';
comment on column log.receipt.to_position is 'Position of the last event that was written; the head at that time when nothing was.';
comment on column log.receipt.error is 'Why the command was rejected, for people.';

create view log.head as select position, hash from log.event order by position desc limit 1;
comment on view log.head is 'The last event''s position and hash; no row while the log is empty.';

create function log.immutable() returns trigger language plpgsql as $$
begin
  raise exception 'log.% is append-only: % is refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end $$;
comment on function log.immutable is 'Refuses to change or remove what was recorded.';
create trigger immutable before update or delete or truncate on log.event
  for each statement execute function log.immutable();
create trigger immutable before update or delete or truncate on log.receipt
  for each statement execute function log.immutable();

create function log.link(previous bytea, fields bytea) returns bytea
  language sql strict immutable parallel safe return sha256(previous || fields);
comment on function log.link is 'One link of the chain. Strict: a row without an event does not move the chain.';
create aggregate log.chain(bytea) (sfunc = log.link, stype = bytea, initcond = '');
comment on aggregate log.chain(bytea) is 'Running hash; as a window it gives each event the hash up to itself.';

-- One array element per event; an item without events (a rejection, or an accepted command that changes nothing) is one
-- element with nth 0. Elements of one item are neighbours. The caller keeps items of one stream and repeats of one command
-- in different calls; the unique keys refuse the whole call otherwise.
create function log.append(
  p_stream text[], p_expected int[], p_nth int[], p_last bool[], p_type text[], p_data json[], p_actor text[],
  p_command uuid[], p_correlation uuid[], p_causation bigint[], p_digest bytea[], p_error text[]
) returns table (outcome text, from_version int, to_version int, to_position bigint, error text)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  locked text;
  start bigint;
  finish bigint;
  head bytea;
  at timestamptz;
  micros bytea;
begin
  -- A batch that contradicts itself would break density without breaking a key: refuse it before anything is read.
  perform from (
    select *, lag(b.last) over w as was_last, lag(b.nth) over w as nth_before, lead(b.nth) over w as nth_after,
      (b.stream, b.expected, b.actor, b.command, b.correlation, b.causation, b.digest)
        is not distinct from lag((b.stream, b.expected, b.actor, b.command, b.correlation, b.causation, b.digest)) over w as same
    from unnest(p_stream, p_expected, p_nth, p_last, p_type, p_actor, p_command, p_correlation, p_causation, p_digest, p_error)
      with ordinality as b(stream, expected, nth, last, type, actor, command, correlation, causation, digest, error, i)
    window w as (order by b.i)
  ) e
  where (
    case
      when e.nth = 0 then e.last and e.type is null and coalesce(e.was_last, true)
      when e.nth = 1 then coalesce(e.was_last, true)
      else e.nth = e.nth_before + 1 and e.nth_before > 0 and not e.was_last and e.same
    end
    and (e.nth = 0 or (e.type is not null and e.error is null))
    and (e.last or e.nth_after is not null)
  ) is not true;
  if found then
    raise exception 'log.append: the batch contradicts itself' using errcode = 'invalid_parameter_value';
  end if;

  locked := pg_advisory_xact_lock(5167001); -- first: every statement below then sees all that was committed before
  select position, hash into start, head from log.event order by position desc limit 1;
  if not found then
    start := 0;
    head := decode(repeat('00', 32), 'hex');
  end if;
  at := clock_timestamp();
  micros := int8send((extract(epoch from at) * 1000000)::bigint);

  return query
  with judged as ( -- check first
    select e.*, coalesce(v.version, 0) + e.nth as version,
      r.from_version as r_from, coalesce(r.to_version, v.version, 0) as r_to, r.to_position as r_position, r.error as r_error,
      case
        when r.command_id is not null then case when r.digest = e.digest then 'duplicate' else 'reused' end
        when e.expected is not null and e.expected <> coalesce(v.version, 0) then 'conflict'
        when e.error is not null then 'rejected'
        else 'accepted'
      end as verdict
    from unnest(p_stream, p_expected, p_nth, p_last, p_type, p_data, p_actor, p_command, p_correlation, p_causation, p_digest, p_error)
      with ordinality as e(stream, expected, nth, last, type, data, actor, command, correlation, causation, digest, error, i)
    left join lateral (select * from log.receipt q where q.command_id = e.command limit 1) r on true
    left join lateral (select version from log.event q where q.stream = e.stream order by version desc limit 1) v on true
  ), counted as ( -- number last
    select *, verdict = 'accepted' and nth > 0 as writes,
      start + count(*) filter (where verdict = 'accepted' and nth > 0) over (order by i rows unbounded preceding) as position
    from judged
  ), chained as materialized (
    -- hash = sha256(hash before || position || version || micros || ids || length-prefixed texts), integers big-endian
    select *, log.chain(case when writes then
        case when position = start + 1 then head else '' end
        || int8send(position) || int4send(version) || micros
        || uuid_send(command) || uuid_send(correlation) || int8send(coalesce(causation, 0))
        || int4send(octet_length(stream)) || convert_to(stream, 'UTF8') || int4send(octet_length(type)) || convert_to(type, 'UTF8')
        || int4send(octet_length(actor)) || convert_to(actor, 'UTF8') || int4send(octet_length(data::text)) || convert_to(data::text, 'UTF8')
      end) over (order by i rows unbounded preceding) as hash
    from counted
  ), written as (
    insert into log.event
    select position, stream, version, type, data, actor, command, correlation, causation, at, hash from chained where writes
  ), noted as (
    insert into log.receipt
    select command, digest, verdict, stream,
      case when verdict = 'accepted' then version - nth + 1 end, case when verdict = 'accepted' then version end,
      case when verdict = 'accepted' then position end, error, at
    from chained where last and verdict in ('accepted', 'rejected')
  )
  select verdict,
    case when verdict = 'accepted' then version - nth + 1 else r_from end,
    case when verdict = 'accepted' then version else r_to end,
    case when verdict = 'accepted' then position else r_position end,
    -- a repeat gets the first answer, also when the same command would be rejected by now
    case when verdict = 'duplicate' then r_error else error end
  from chained where last order by i;

  select position into finish from log.event order by position desc limit 1;
  if finish > start then
    perform pg_notify('signalbox_log', finish::text); -- a doorbell: delivered at commit, readers look for themselves
  end if;
end $$;
comment on function log.append is 'The one way to write: takes the append lock, answers repeats from receipts, checks expected versions, then numbers, chains and inserts. Answers each item in order.';
