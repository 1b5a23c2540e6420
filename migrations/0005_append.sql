-- The append anew, for speed: the same rules, the same chain, the same receipts. What needs only the call happens before the lock
-- (decoding, the check for contradictions, each event's part of the hash); what is behind the lock is looked up once, chained in
-- one loop and inserted set-wise. A batch whose items have one event each leaves out the columns that say so.

-- What these say is said by log.append before the lock, once per call. As constraints they are parsed anew for every statement,
-- behind the lock: a sixth of the time in which nobody else can append.
alter table log.event drop constraint event_position_check, drop constraint event_stream_check, drop constraint event_version_check,
  drop constraint event_type_check, drop constraint event_actor_check, drop constraint event_causation_id_check,
  drop constraint event_hash_check;
alter table log.receipt drop constraint receipt_digest_check, drop constraint receipt_outcome_check, drop constraint receipt_check,
  drop constraint receipt_check1;

-- The function of before stays beside the new one: processes that were started before the upgrade append by it until they end.
do $$ begin execute format('comment on function %s is %L', (select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'log' and p.proname = 'append'), 'For processes of the version before; log.append(text[], …, text, …) is the one that is used.'); end $$;

-- One array element per event; an item without events (a rejection, or an accepted command that changes nothing) is one
-- element with nth 0. Elements of one item are neighbours. p_nth and p_last are null when each element is an item with one
-- event; p_expected, p_causation and p_error when none has one; p_correlation when each is its command id. p_data is JSON texts
-- with a record separator (1E, which JSON escapes) between them, p_digest 32 bytes for each element. The caller keeps items of
-- one stream and repeats of one command in different calls; the unique keys refuse the whole call otherwise. The answer has one
-- array element per item; outcome and error are null when all were accepted.
create function log.append(
  p_stream text[], p_expected int[], p_nth int[], p_last bool[], p_type text[], p_data text, p_actor text[],
  p_command uuid[], p_correlation uuid[], p_causation bigint[], p_digest bytea, p_error text[]
) returns table (outcome text[], from_version int[], to_version int[], to_position bigint[], error text[])
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  total constant int := cardinality(p_stream);
  payloads constant json[] := string_to_array(p_data, e'\x1e', '')::json[];
  sound bool := octet_length(p_digest) = total * 32 and cardinality(p_type) = total and cardinality(p_command) = total
    and cardinality(p_actor) = total and pg_client_encoding() = 'UTF8'; -- textsend and json_send follow the client's
  was_last bool := true;
  fits bool;
  fixed bytea[];
  locked text;
  start bigint;
  finish bigint;
  head bytea;
  at timestamptz;
  micros bytea;
  clean bool;
  bases int[];
  verdicts text[];
  first_from int[];
  first_to int[];
  first_position bigint[];
  first_error text[];
  item int := 0;
  nth int;
  verdict text := 'accepted';
  version int;
  positions bigint[];
  versions int[];
  hashes bytea[];
  kinds text[];
begin
  -- A batch that contradicts itself would break density without breaking a key: refuse it before anything is read.
  if p_nth is null then
    sound := sound and p_last is null and p_error is null;
  else
    for k in 1 .. total loop
      sound := sound and case
        when p_nth[k] = 0 then was_last and p_last[k] and p_type[k] is null
        when p_type[k] is null or p_error[k] is not null then false
        when p_nth[k] = 1 then was_last
        else not was_last and p_nth[k] = p_nth[k - 1] + 1
          and (p_stream[k], p_expected[k], p_actor[k], p_command[k], p_correlation[k], p_causation[k], substr(p_digest, k * 32 - 31, 32))
            is not distinct from (p_stream[k - 1], p_expected[k - 1], p_actor[k - 1], p_command[k - 1], p_correlation[k - 1],
              p_causation[k - 1], substr(p_digest, k * 32 - 63, 32))
      end;
      was_last := p_last[k];
    end loop;
  end if;
  if (sound and was_last) is not true then
    raise exception 'log.append: the batch contradicts itself' using errcode = 'invalid_parameter_value';
  end if;

  -- hash = sha256(hash before || position || version || micros || ids || length-prefixed texts), integers big-endian.
  -- This is the part from the ids on.
  select array_agg(uuid_send(e.command) || uuid_send(coalesce(e.correlation, e.command)) || int8send(coalesce(e.causation, 0))
        || int4send(octet_length(e.stream)) || textsend(e.stream) || int4send(octet_length(e.type)) || textsend(e.type)
        || int4send(octet_length(e.actor)) || textsend(e.actor) || int4send(octet_length(e.data)) || e.data order by e.i),
    bool_and(octet_length(e.stream) between 1 and 512 and octet_length(e.actor) between 1 and 256
      and coalesce(octet_length(e.type) between 1 and 100, true) and coalesce(e.causation > 0, true))
    into fixed, fits
  from (
    select *, json_send(u.payload) as data
    from unnest(p_stream, p_type, payloads, p_actor, p_command, p_correlation, p_causation)
      with ordinality as u(stream, type, payload, actor, command, correlation, causation, i)
    offset 0 -- else json_send would run twice
  ) e;
  if not fits then
    raise exception 'log.append: a stream, type, actor or cause is beyond its limits' using errcode = 'check_violation';
  end if;

  locked := pg_advisory_xact_lock(5167001); -- first: every statement below then sees all that was committed before
  select position, hash into start, head from log.event order by position desc limit 1;
  if not found then
    start := 0;
    head := decode(repeat('00', 32), 'hex');
  end if;
  finish := start;
  at := clock_timestamp();
  micros := int8send((extract(epoch from at) * 1000000)::bigint);

  -- Check first. Nearly always nothing stands against any item; else each is judged by itself.
  select array_agg(coalesce(v.version, 0) order by e.i),
    bool_and(r.command_id is null and e.error is null and (e.expected is null or e.expected = coalesce(v.version, 0)))
    into bases, clean
  from unnest(p_stream, p_expected, p_nth, p_command, p_error) with ordinality as e(stream, expected, nth, command, error, i)
  left join lateral (select command_id from log.receipt q where q.command_id = e.command limit 1) r on true
  left join lateral (select version from log.event q where q.stream = e.stream order by version desc limit 1) v on true
  where coalesce(e.nth, 1) < 2;
  if not clean then
    select array_agg(
        case
          when r.command_id is not null and r.digest = substr(p_digest, e.i::int * 32 - 31, 32) then 'duplicate'
          when r.command_id is not null then 'reused'
          when e.expected is not null and e.expected <> coalesce(v.version, 0) then 'conflict'
          when e.error is not null then 'rejected'
          else 'accepted'
        end order by e.i),
      array_agg(r.from_version order by e.i), array_agg(coalesce(r.to_version, v.version, 0) order by e.i),
      array_agg(r.to_position order by e.i), array_agg(r.error order by e.i)
      into verdicts, first_from, first_to, first_position, first_error
    from unnest(p_stream, p_expected, p_nth, p_command, p_error) with ordinality as e(stream, expected, nth, command, error, i)
    left join lateral (select * from log.receipt q where q.command_id = e.command limit 1) r on true
    left join lateral (select version from log.event q where q.stream = e.stream order by version desc limit 1) v on true
    where coalesce(e.nth, 1) < 2;
  end if;

  -- Number last.
  for k in 1 .. total loop
    nth := coalesce(p_nth[k], 1);
    if nth < 2 then
      item := item + 1;
      version := bases[item];
      if not clean then
        verdict := verdicts[item];
      end if;
    end if;
    if not clean then
      kinds[k] := verdict;
    end if;
    if verdict <> 'accepted' then
      positions[k] := null;
      versions[k] := null;
      hashes[k] := null;
    else
      if nth > 0 then
        finish := finish + 1;
        version := version + 1;
        head := sha256(head || int8send(finish) || int4send(version) || micros || fixed[k]);
      end if;
      positions[k] := finish;
      versions[k] := version;
      hashes[k] := head;
    end if;
  end loop;

  insert into log.event
  select e.position, e.stream, e.version, e.type, e.data, e.actor, e.command, coalesce(e.correlation, e.command), e.causation, at, e.hash
  from unnest(positions, p_stream, versions, p_type, payloads, p_actor, p_command, p_correlation, p_causation, hashes, p_nth)
    as e(position, stream, version, type, data, actor, command, correlation, causation, hash, nth)
  where e.position is not null and coalesce(e.nth, 1) > 0;
  insert into log.receipt
  select e.command, substr(p_digest, e.i::int * 32 - 31, 32), coalesce(e.verdict, 'accepted'), e.stream,
    e.version - coalesce(e.nth, 1) + 1, e.version, e.position, e.error, at
  from unnest(p_command, p_stream, versions, positions, kinds, p_nth, p_last, p_error)
    with ordinality as e(command, stream, version, position, verdict, nth, last, error, i)
  where coalesce(e.last, true) and coalesce(e.verdict, 'accepted') in ('accepted', 'rejected');

  if finish > start then
    perform pg_notify('signalbox_log', finish::text); -- a doorbell: delivered at commit, readers look for themselves
  end if;

  if clean and p_nth is null then
    from_version := versions;
    to_version := versions;
    to_position := positions;
  else
    item := 0;
    for k in 1 .. total loop
      continue when not p_last[k];
      item := item + 1;
      verdict := coalesce(kinds[k], 'accepted');
      outcome[item] := verdict;
      if verdict = 'accepted' then
        from_version[item] := versions[k] - coalesce(p_nth[k], 1) + 1;
        to_version[item] := versions[k];
        to_position[item] := positions[k];
        error[item] := null;
      else
        from_version[item] := first_from[item];
        to_version[item] := first_to[item];
        to_position[item] := first_position[item];
        -- a repeat gets the first answer, also when the same command would be rejected by now
        error[item] := case when verdict = 'duplicate' then first_error[item] else p_error[k] end;
      end if;
    end loop;
  end if;
  return next;
end $$;
comment on function log.append(text[], int[], int[], bool[], text[], text, text[], uuid[], uuid[], bigint[], bytea, text[]) is 'The one way to write: takes the append lock, answers repeats from receipts, checks expected versions, then numbers, chains and inserts. Answers each item in order.';
