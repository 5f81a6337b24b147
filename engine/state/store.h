// The engine's state: a few tables of JSON documents in one SQLite file, in WAL mode. Each call is one
// transaction; a crash of the engine loses none, a power cut at most the last ones (synchronous=NORMAL).
// https://sqlite.org/wal.html
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

struct sqlite3;

namespace stack::engine {

enum class Table { Containers, Networks, Projects, Operations, Settings };

class Store {
 public:
  // Creates the file and its tables where absent. A file of a newer layout is refused.
  static Result<Store> open(const std::string& path);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  Result<> put(Table table, const std::string& key, const Json& document);
  Result<> remove(Table table, const std::string& key);                       // absent is success
  Result<std::vector<std::pair<std::string, Json>>> load(Table table) const;  // ordered by key

 private:
  explicit Store(sqlite3* db) : db_(db) {}
  sqlite3* db_;
};

}  // namespace stack::engine
