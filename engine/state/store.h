// The engine's state: a few tables of JSON documents in one SQLite file, in WAL mode, and a sealed copy of
// each container's, network's and project's record beside it (record_file.h):
//
//   <folder>/state.db                    the tables
//   <folder>/containers/<id>/record
//   <folder>/networks/<id>.record
//   <folder>/projects/<name>.record
//   <folder>/reserve                     disk_reserve.h
//
// Each call is one transaction; a crash of the engine loses none. Neither the file's log nor the copies are
// synchronized at each write (synchronous=NORMAL, https://sqlite.org/pragma.html#pragma_synchronous): a power
// cut may take the last ones back, together with every process and kernel object they spoke of.
//
// Doubt never destroys. A record is read from the newer of its row and its copy, and from the other where
// that one is damaged; the other is then repaired. Where neither can be read the record is kept as it is and
// reported, so that nobody takes what belongs to it for a leftover. A state file that is no database any more
// is set aside and made again from the copies.
//
// The engine's thread only.
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

// A record that is there but cannot be read: neither row nor copy.
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

// Whether a write may use the disk space put aside: what frees space, or records what has happened already.
enum class Space { Ordinary, Reserved };

class Store {
 public:
  // Creates what is absent. A file of a newer layout is refused.
  static Result<Store> open(const std::string& folder);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  Result<> put(Table table, const std::string& key, const Json& document, Space space = Space::Ordinary);
  Result<> remove(Table table, const std::string& key);  // absent is success; may use the reserve

  // Reads every record of a table: once per table, before anything is put into it. A document that `read`
  // refuses counts as damaged.
  template <typename T>
  using Reader = std::function<Result<T>(const std::string& key, const Json& document)>;
  template <typename T>
  Result<LoadedRecords<T>> load(Table table, const Reader<T>& read);
  // The documents as they are.
  using Document = std::pair<std::string, Json>;
  Result<LoadedRecords<Document>> load_documents(Table table);

  // What open() found damaged, one line each.
  const std::vector<std::string>& notes() const { return notes_; }
  const DiskReserve& reserve() const { return reserve_; }

  // Overwrites what was deleted in the state file's log as well (in the file itself, secure_delete does).
  // Opens the file anew; blocks; any thread.
  static Result<> scrub(const std::string& folder);
  // Whether something was removed since the last scrubbed(), and nothing was written since the last call.
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
  int64_t revision_ = 0;  // the highest given or seen
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
