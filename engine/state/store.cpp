#include "engine/state/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/log.h"

namespace stack::engine {

namespace {

constexpr int kLayout = 1;

const char* name_of(Table table) {
  switch (table) {
    case Table::Containers:
      return "containers";
    case Table::Networks:
      return "networks";
    case Table::Projects:
      return "projects";
    case Table::Operations:
      return "operations";
    case Table::Settings:
      return "settings";
  }
  return "";
}

Error failure(sqlite3* db, std::string_view what) {
  return Error("state store: " + std::string(what) + ": " + ::sqlite3_errmsg(db));
}

Result<> execute(sqlite3* db, const std::string& sql) {
  if (::sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure(db, "execute");
  return {};
}

struct Statement {
  sqlite3_stmt* handle = nullptr;
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { ::sqlite3_finalize(handle); }
};

Result<> prepare(sqlite3* db, const std::string& sql, Statement& out) {
  if (::sqlite3_prepare_v2(db, sql.c_str(), -1, &out.handle, nullptr) != SQLITE_OK)
    return failure(db, "prepare");
  return {};
}

void bind_text(const Statement& statement, int index, const std::string& text) {
  ::sqlite3_bind_text(statement.handle, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

Result<> check_layout(sqlite3* db) {
  Statement query;
  TRY(prepare(db, "PRAGMA user_version", query));
  int version = ::sqlite3_step(query.handle) == SQLITE_ROW ? ::sqlite3_column_int(query.handle, 0) : 0;
  if (version > kLayout)
    return unsupported("state store: written by a newer version of stack (layout " + std::to_string(version) +
                       ")");
  return {};
}

// Containers' environments stand in it. SQLite gives its other files the mode of this one.
Result<> keep_others_out(const std::string& path) {
  TRY_ASSIGN(Fd made, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600).in("state store"));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::string file = path + suffix;
    if (::chmod(file.c_str(), 0600) != 0 && errno != ENOENT) return Error::last_errno("chmod " + file);
  }
  return {};
}

}  // namespace

Result<Store> Store::open(const std::string& path) {
  TRY(keep_others_out(path));
  sqlite3* db = nullptr;
  int code = ::sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Store store(db);
  if (code != SQLITE_OK) return Error("state store " + path + ": " + ::sqlite3_errstr(code));
  ::sqlite3_busy_timeout(db, 5000);
  TRY(execute(db, "PRAGMA journal_mode=WAL").in(path));
  TRY(execute(db, "PRAGMA synchronous=NORMAL").in(path));
  TRY(check_layout(db));
  std::string schema = "BEGIN;";
  for (Table table :
       {Table::Containers, Table::Networks, Table::Projects, Table::Operations, Table::Settings})
    schema += std::string("CREATE TABLE IF NOT EXISTS ") + name_of(table) +
              "(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;";
  schema += "PRAGMA user_version=" + std::to_string(kLayout) + ";COMMIT;";
  TRY(execute(db, schema).in(path));
  return store;
}

Store::Store(Store&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
Store& Store::operator=(Store&& other) noexcept {
  std::swap(db_, other.db_);
  return *this;
}
Store::~Store() {
  if (db_ != nullptr) ::sqlite3_close(db_);
}

Result<> Store::put(Table table, const std::string& key, const Json& document) {
  Statement insert;
  TRY(prepare(db_,
              std::string("INSERT INTO ") + name_of(table) +
                  "(key,document) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET document=?2",
              insert));
  std::string text = stack::to_text(document);
  bind_text(insert, 1, key);
  bind_text(insert, 2, text);
  if (::sqlite3_step(insert.handle) != SQLITE_DONE)
    return failure(db_, std::string("write ") + name_of(table));
  return {};
}

Result<> Store::remove(Table table, const std::string& key) {
  Statement statement;
  TRY(prepare(db_, std::string("DELETE FROM ") + name_of(table) + " WHERE key=?1", statement));
  bind_text(statement, 1, key);
  if (::sqlite3_step(statement.handle) != SQLITE_DONE)
    return failure(db_, std::string("delete from ") + name_of(table));
  return {};
}

Result<std::vector<std::pair<std::string, Json>>> Store::load(Table table) const {
  Statement query;
  TRY(prepare(db_, std::string("SELECT key,document FROM ") + name_of(table) + " ORDER BY key", query));
  std::vector<std::pair<std::string, Json>> rows;
  int code = 0;
  while ((code = ::sqlite3_step(query.handle)) == SQLITE_ROW) {
    auto column = [&](int index) {
      const unsigned char* text = ::sqlite3_column_text(query.handle, index);
      return std::string(reinterpret_cast<const char*>(text),
                         static_cast<size_t>(::sqlite3_column_bytes(query.handle, index)));
    };
    Result<Json> document = parse_json(column(1));
    if (!document) {
      // One damaged row must not keep the engine from managing the others.
      log_error("state store: " + std::string(name_of(table)) + " " + column(0) + ": " +
                document.error().text());
      continue;
    }
    rows.emplace_back(column(0), std::move(*document));
  }
  if (code != SQLITE_DONE) return failure(db_, std::string("read ") + name_of(table));
  return rows;
}

}  // namespace stack::engine
