-- Accounts: passwords beside the log, the read models.

create schema account;
comment on schema account is 'What sign-in needs and nobody shall read: no event, no view and no report shows it';

create table account.password (
  -- as the event names it
  ref uuid primary key,
  account text not null,
  -- scrypt with its parameters and salt
  sealed text not null,
  at timestamptz not null default now()
);
create index password_of_account on account.password (account);
comment on table account.password is 'What passwords are checked against, written before the event that names it; rows that no account names are of no use';

create table read.account (
  id text primary key,
  version int not null,
  view json not null,
  removed boolean not null generated always as ((view ->> 'removed')::boolean) stored
);
comment on table read.account is 'Accounts, folded from the streams account/*';

create table read.account_token (
  -- SHA-256 in hex
  hash text primary key,
  account text not null,
  token_id text not null
);
create index account_token_of on read.account_token (account);
create index account_token_by_id on read.account_token (token_id);
comment on table read.account_token is 'Whose a token is; whether it still stands, the account says';
