// The engine's state: tables of JSON documents in a SQLite file in WAL mode, and a checksummed copy of each container,
// network, and project record next to it (record_file.h):
//
//   <folder>/state.db                    the tables
//   <folder>/containers/<id>/record
//   <folder>/networks/<id>.record
//   <folder>/projects/<name>.record
//   <folder>/reserve                     disk_reserve.h
//
// Each call is one transaction; a crash of the engine loses none. Neither the log nor the copies are synchronized at each
// write (synchronous=NORMAL, https://sqlite.org/pragma.html#pragma_synchronous), so a power cut may lose the last writes.
// Before a client is told of a change, DiskSync synchronizes places_of() its record.
//
// Damage never causes deletion. A record is read from the newer of its row and its copy, or from the other if that one is
// damaged, which is then repaired. If neither is readable, the record is kept and reported, so that its objects do not
// count as leftovers. A state file that is not a valid database is moved aside and rebuilt from the copies.
//
// Engine thread only.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/state/disk_reserve.h"

struct sqlite3;

namespace stack::engine {

enum class Table { Containers, Networks, Projects, Operations, Settings };
std::string_view to_text(Table table);  // "containers", ...

// A record whose row and copy are both unreadable.
struct Unreadable {
  Table table = Table::Containers;
  std::string key;
  std::string reason;
};

template <typename T>
struct LoadedRecords {
  std::vector<T> good;  // ordered by key
  std::vector<Unreadable> unreadable;
};

// Whether a write may use the reserved disk space: writes that free space or record past events.
enum class Space { Ordinary, Reserved };

class Store {
 public:
  // Creates missing files. Rejects a file with a newer layout.
  static Result<Store> open(const std::string& folder);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  Result<> put(Table table, const std::string& key, const Json& document, Space space = Space::Ordinary);
  Result<> remove(Table table, const std::string& key);  // succeeds if absent; may use the reserve

  // The files and folders whose synchronization makes the present state of a record, or its removal, durable.
  std::vector<std::string> places_of(Table table, const std::string& key) const;

  // Reads all records of a table. Call once per table, before writing to it. A document rejected by `read` counts as
  // damaged.
  template <typename T>
  using Reader = std::function<Result<T>(const std::string& key, const Json& document)>;
  template <typename T>
  Result<LoadedRecords<T>> load(Table table, const Reader<T>& read);
  // The raw documents.
  using Document = std::pair<std::string, Json>;
  Result<LoadedRecords<Document>> load_documents(Table table);

  // Damage found by open(), one line each.
  const std::vector<std::string>& notes() const { return notes_; }
  const DiskReserve& reserve() const { return reserve_; }

  // Overwrites deleted data in the state file's log (secure_delete handles the file itself). Opens the file separately;
  // blocks; thread-safe.
  static Result<> scrub(const std::string& folder);
  // Whether something was removed since the last scrubbed() and nothing was written since the last call.
  bool needs_scrub();
  void scrubbed() { removals_ = 0; }

 private:
  struct Version {
    bool is_copy = false;
    int64_t revision = 0;
    Result<Json> document;
  };
  using Versions = std::vector<Version>;
  using Candidates = std::map<std::string, Versions>;  // by key; newest version first

  Store(std::string folder, sqlite3* db);
  Result<Candidates> collect(Table table);
  Result<> read_rows(Table table, Candidates& out) const;
  void read_copies(Table table, Candidates& out) const;
  void repair(Table table, const std::string& key, const Versions& versions, const Version& good);
  Result<> write_row(Table table, const std::string& key, const std::string& text, int64_t revision,
                     Space space);
  std::string copy_path(Table table, const std::string& key) const;

  std::string folder_;
  sqlite3* db_;
  DiskReserve reserve_;
  int64_t revision_ = 0;  // the highest revision assigned or read
  int removals_ = 0;
  int64_t quiet_since_ = 0;
  std::vector<std::string> notes_;
};

template <typename T>
Result<LoadedRecords<T>> Store::load(Table table, const Reader<T>& read) {
  TRY_ASSIGN(Candidates candidates, collect(table));
  LoadedRecords<T> loaded;
  for (const auto& [key, versions] : candidates) {
    std::optional<T> value;
    std::string reason;
    for (const Version& version : versions) {
      Result<T> made = version.document ? read(key, *version.document) : Result<T>(version.document.error());
      if (made) {
        value = std::move(*made);
        repair(table, key, versions, version);
        break;
      }
      reason +=
          (reason.empty() ? "" : "; ") + std::string(version.is_copy ? "copy: " : "") + made.error().text();
    }
    if (value) {
      loaded.good.push_back(std::move(*value));
    } else {
      loaded.unreadable.push_back({table, key, std::move(reason)});
    }
  }
  return loaded;
}

}  // namespace stack::engine
