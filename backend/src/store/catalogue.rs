//! The names in a segment (services, origins, operations, streams) and their ids: what was written of them is
//! remembered, so that each is written once. The tables keep the truth; forgetting costs a look at them.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::batch::{Operation, Origin};
use super::segment::ReadError;

/// Entries remembered of each kind; beyond it a name is looked up again rather than remembered.
const REMEMBERED: usize = 10_000;

/// What is remembered of one segment's names.
pub(super) struct Catalogue {
    services: HashMap<String, i64>,
    origins: HashMap<Origin, (i64, i64)>,
    operations: HashSet<Operation>,
    streams: HashMap<String, i64>,
}

/// A table that gives a name its id.
struct Names {
    insert: &'static str,
    select: &'static str,
}

const SERVICES: Names = Names {
    insert: "INSERT INTO services (name) VALUES (?1) ON CONFLICT DO NOTHING",
    select: "SELECT id FROM services WHERE name = ?1",
};

const STREAMS: Names = Names {
    insert: "INSERT INTO streams (labels) VALUES (?1) ON CONFLICT DO NOTHING",
    select: "SELECT id FROM streams WHERE labels = ?1",
};

impl Catalogue {
    /// Reads what the segment holds already.
    pub(super) fn load(connection: &Connection) -> Result<Self, ReadError> {
        let ids = |query: &str| -> Result<HashMap<String, i64>, ReadError> {
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map([REMEMBERED as i64], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let mut operations = connection.prepare(
            "SELECT s.name, o.name, o.kind FROM operations o JOIN services s ON s.id = o.service LIMIT ?1",
        )?;
        let operations = operations.query_map([REMEMBERED as i64], |r| {
            Ok(Operation { service: r.get(0)?, name: r.get(1)?, kind: r.get(2)? })
        })?;
        Ok(Self {
            services: ids("SELECT name, id FROM services LIMIT ?1")?,
            origins: HashMap::new(),
            operations: operations.collect::<Result<_, _>>()?,
            streams: ids("SELECT labels, id FROM streams LIMIT ?1")?,
        })
    }

    /// Remembers nothing any more.
    pub(super) fn forget(&mut self) {
        self.services.clear();
        self.origins.clear();
        self.operations.clear();
        self.streams.clear();
    }

    /// The ids of an origin and of its service.
    pub(super) fn origin(
        &mut self,
        connection: &Connection,
        origin: &Origin,
    ) -> Result<(i64, i64), ReadError> {
        if let Some(ids) = self.origins.get(origin) {
            return Ok(*ids);
        }
        let service = SERVICES.id(&mut self.services, connection, &origin.service)?;
        connection
            .prepare_cached("INSERT INTO origins (service, resource, scope) VALUES (?1, ?2, ?3)")?
            .execute(params![service, origin.resource, origin.scope])?;
        let ids = (connection.last_insert_rowid(), service);
        make_room(&mut self.origins);
        self.origins.insert(origin.clone(), ids);
        Ok(ids)
    }

    /// Writes an operation down, unless it is.
    pub(super) fn note_operation(
        &mut self,
        connection: &Connection,
        operation: &Operation,
    ) -> Result<(), ReadError> {
        if self.operations.len() >= REMEMBERED || self.operations.contains(operation) {
            return Ok(());
        }
        let service = SERVICES.id(&mut self.services, connection, &operation.service)?;
        connection
            .prepare_cached("INSERT INTO operations VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![service, operation.name, operation.kind])?;
        self.operations.insert(operation.clone());
        Ok(())
    }

    /// The id of a log stream.
    pub(super) fn stream(&mut self, connection: &Connection, labels: &str) -> Result<i64, ReadError> {
        STREAMS.id(&mut self.streams, connection, labels)
    }
}

impl Names {
    /// The id of a name, which is given one where it has none.
    fn id(
        &self,
        remembered: &mut HashMap<String, i64>,
        connection: &Connection,
        name: &str,
    ) -> Result<i64, ReadError> {
        if let Some(id) = remembered.get(name) {
            return Ok(*id);
        }
        connection.prepare_cached(self.insert)?.execute([name])?;
        let id = connection.prepare_cached(self.select)?.query_row([name], |r| r.get(0))?;
        make_room(remembered);
        remembered.insert(name.to_owned(), id);
        Ok(id)
    }
}

/// A sender that invents names must not grow the maps for ever.
fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= REMEMBERED {
        map.clear();
    }
}
