//! The web pages: services now, latest orders, one trace with its logs.
