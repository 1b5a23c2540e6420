create schema log;
