-- Appends let go of the log before the disk has them, and are answered, and told to anybody, after that. So the next append works while
-- the disk does, and one flush serves all that were committed before it. Two locks were held through each flush: the append lock, and
-- Postgres's own around every commit that notifies.

-- Whoever commits without waiting for the disk (synchronous_commit off) rings the bell by log.settle. Processes of the version before
-- wait for the disk in the append itself, and still ring there.
do $$
declare
  append constant regprocedure := 'log.append(text[], int[], int[], bool[], text[], text, text[], uuid[], uuid[], bigint[], bytea, text[])';
  before constant text := pg_get_functiondef(append);
  after constant text := replace(before, 'if finish > start then',
    'if finish > start and current_setting(''synchronous_commit'') <> ''off'' then');
begin
  if after = before then
    raise exception 'log.append is not the one of 0005';
  end if;
  execute after;
end $$;

create procedure log.settle(tell bool, inout settled bigint default null) language plpgsql as $$
begin
  select position into settled from log.head;
  if pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() then
    perform set_config('synchronous_commit', 'on', true);
    perform pg_logical_emit_message(true, 'signalbox', ''); -- a commit that wrote nothing would not wait for the disk
    commit;
  end if;
  if tell and settled is not null then
    perform pg_notify('signalbox_log', settled::text); -- a doorbell, in a transaction of its own: nobody who notifies waits for the disk
  end if;
end $$;
comment on procedure log.settle is 'Returns when the disk has every event that is in the log now, with the position of the last; tells everybody so when asked to. Must be called outside of a transaction.';
