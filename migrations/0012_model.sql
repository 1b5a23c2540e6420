-- Which models there are, as the providers told the workers. Not derived from the log: asked anew at any time.

create schema model;

create table model.catalog (
  provider text primary key,
  title text not null,
  -- place in the order of preference
  rank int not null,
  models json not null,
  -- null: it answered
  problem text,
  -- when its list was last asked for
  at timestamptz not null,
  -- when a worker that has it configured last said so
  seen_at timestamptz not null
);
comment on table model.catalog is 'The list of each configured provider, kept by the workers; a provider that does not answer keeps its last list beside the problem';
