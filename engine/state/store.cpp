#include "engine/state/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/directory.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "engine/state/record_file.h"

namespace stack::engine {

namespace {

constexpr int kFileLayout = 2;    // of the tables
constexpr int kRecordLayout = 1;  // of the documents
constexpr int kBusyMs = 5000;
constexpr std::array kTables{Table::Containers, Table::Networks, Table::Projects, Table::Operations,
                             Table::Settings};

bool has_copies(Table table) {
  return table == Table::Containers || table == Table::Networks || table == Table::Projects;
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

std::string text_column(const Statement& statement, int index) {
  const unsigned char* text = ::sqlite3_column_text(statement.handle, index);
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(text),
          static_cast<size_t>(::sqlite3_column_bytes(statement.handle, index))};
}

// Whether the error means a full disk, in all of SQLite's forms.
bool is_full(sqlite3* db) {
  int code = ::sqlite3_errcode(db);
  if (code == SQLITE_FULL) return true;
  int reason = ::sqlite3_system_errno(db);
  return (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && (reason == ENOSPC || reason == EDQUOT);
}

bool is_damage(int code) { return code == SQLITE_NOTADB || code == SQLITE_CORRUPT; }

std::string schema() {
  std::string text = "BEGIN;";
  for (Table table : kTables)
    text += "CREATE TABLE IF NOT EXISTS " + std::string(to_text(table)) +
            "(key TEXT PRIMARY KEY, document TEXT NOT NULL, layout INTEGER NOT NULL DEFAULT 1,"
            " revision INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;";
  return text + "PRAGMA user_version=" + std::to_string(kFileLayout) + ";COMMIT;";
}

// Layout 1 had neither layout numbers nor revisions.
std::string upgrade() {
  std::string text = "BEGIN;";
  for (Table table : kTables) {
    std::string alter = "ALTER TABLE " + std::string(to_text(table)) + " ADD COLUMN ";
    text += alter + "layout INTEGER NOT NULL DEFAULT 1;" + alter + "revision INTEGER NOT NULL DEFAULT 0;";
  }
  return text + "PRAGMA user_version=" + std::to_string(kFileLayout) + ";COMMIT;";
}

Result<int> file_layout(sqlite3* db) {
  Statement query;
  TRY(prepare(db, "PRAGMA user_version", query));
  return ::sqlite3_step(query.handle) == SQLITE_ROW ? ::sqlite3_column_int(query.handle, 0) : 0;
}

Result<> ensure_tables(sqlite3* db) {
  TRY_ASSIGN(int layout, file_layout(db));
  if (layout > kFileLayout)
    return unsupported("state store: written by a newer version of stack (layout " + std::to_string(layout) +
                       "); reinstall that version");
  if (layout == 1) return execute(db, upgrade());
  if (layout == kFileLayout) return {};
  return execute(db, schema());
}

// Detects damage that reads might miss.
Result<> check(sqlite3* db) {
  Statement query;
  TRY(prepare(db, "PRAGMA quick_check(1)", query));
  int code = ::sqlite3_step(query.handle);
  if (code == SQLITE_ROW && text_column(query, 0) == "ok") return {};
  if (code == SQLITE_ROW) return conflict("state store: " + text_column(query, 0));
  return failure(db, "check");
}

// The file contains environments of containers. SQLite's other files get the same mode.
Result<> restrict_access(const std::string& path) {
  TRY_ASSIGN(Fd made, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600).in("state store"));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::string file = path + suffix;
    if (::chmod(file.c_str(), 0600) != 0 && errno != ENOENT) return Error::last_errno("chmod " + file);
  }
  return {};
}

struct Opened {
  sqlite3* db = nullptr;
  bool damaged = false;
  bool full = false;
  Result<> outcome;
};

Opened open_database(const std::string& path) {
  Opened opened;
  opened.outcome = restrict_access(path);
  if (!opened.outcome) return opened;
  int code = ::sqlite3_open_v2(path.c_str(), &opened.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (code != SQLITE_OK) {
    opened.outcome = Error("state store " + path + ": " + ::sqlite3_errstr(code));
    return opened;
  }
  ::sqlite3_busy_timeout(opened.db, kBusyMs);
  // secure_delete: the secrets of a removed project must not remain.
  opened.outcome =
      execute(opened.db, "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA secure_delete=ON");
  if (opened.outcome) opened.outcome = check(opened.db);
  if (opened.outcome) opened.outcome = ensure_tables(opened.db);
  if (opened.outcome) return opened;
  opened.damaged =
      is_damage(::sqlite3_errcode(opened.db)) || opened.outcome.error().kind() == ErrorKind::Conflict;
  opened.full = is_full(opened.db);
  return opened;
}

Result<std::string> set_aside(const std::string& path) {
  std::string place =
      path + ".damaged-" +
      std::to_string(std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1));
  if (::rename(path.c_str(), place.c_str()) != 0) return Error::last_errno("set " + path + " aside");
  for (const char* suffix : {"-wal", "-shm"})
    (void)::rename((path + suffix).c_str(), (place + suffix).c_str());
  return place;
}

Result<Json> document_of(const std::string& text, int layout) {
  if (layout > kRecordLayout)
    return unsupported("written by a newer version of stack (layout " + std::to_string(layout) + ")");
  return parse_json(text);
}

// A safe file name for any key.
std::string file_name_of(const std::string& key) {
  auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  bool usable =
      !key.empty() && key.size() <= 200 && key[0] != '.' && std::all_of(key.begin(), key.end(), plain);
  return usable ? key : sha256_hex(key);
}

constexpr std::string_view kSuffix = ".record";

}  // namespace

std::string_view to_text(Table table) {
  constexpr std::array<std::string_view, kTables.size()> kNames{"containers", "networks", "projects",
                                                                "operations", "settings"};
  return kNames[static_cast<size_t>(table)];
}

namespace {

void sweep_copies(const std::string& folder) {
  for (const char* table : {"/networks", "/projects"}) sweep_unfinished_records(folder + table);
  for (const std::string& id : names_in(folder + "/containers").value_or(std::vector<std::string>()))
    sweep_unfinished_records(folder + "/containers/" + id);
}

}  // namespace

Result<Store> Store::open(const std::string& folder) {
  std::string path = folder + "/state.db";
  sweep_copies(folder);
  DiskReserve reserve(folder + "/reserve");
  std::vector<std::string> notes;
  Opened opened = open_database(path);
  while (opened.full && reserve.release_step()) {
    ::sqlite3_close(opened.db);
    opened = open_database(path);
  }
  if (opened.damaged) {
    std::string why = opened.outcome.error().text();
    ::sqlite3_close(opened.db);
    TRY_ASSIGN(std::string place, set_aside(path));
    notes.push_back(why + "; the file was moved to " + place + " and rebuilt from its copies");
    log_error(notes.back());
    opened = open_database(path);
  }
  Store store(folder, opened.db);
  store.notes_ = std::move(notes);
  TRY(std::move(opened.outcome).in(path));
  reserve.refill();
  return store;
}

Store::Store(std::string folder, sqlite3* db)
    : folder_(std::move(folder)), db_(db), reserve_(folder_ + "/reserve") {}
Store::Store(Store&& other) noexcept
    : folder_(std::move(other.folder_)),
      db_(std::exchange(other.db_, nullptr)),
      reserve_(std::move(other.reserve_)),
      revision_(other.revision_),
      notes_(std::move(other.notes_)) {}
Store& Store::operator=(Store&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(db_, other.db_);
  std::swap(reserve_, other.reserve_);
  std::swap(revision_, other.revision_);
  std::swap(notes_, other.notes_);
  return *this;
}
Store::~Store() {
  if (db_ != nullptr) ::sqlite3_close(db_);
}

std::string Store::copy_path(Table table, const std::string& key) const {
  std::string place = folder_ + "/" + std::string(to_text(table)) + "/" + file_name_of(key);
  return place + (table == Table::Containers ? "/record" : std::string(kSuffix));
}

// The folder also for its entries: a copy that returns after a power cut would bring the removed record back.
std::vector<std::string> Store::places_of(Table table, const std::string& key) const {
  std::vector<std::string> places{folder_ + "/state.db-wal"};
  if (has_copies(table)) places.push_back(folder_ + "/" + std::string(to_text(table)));
  if (table == Table::Containers) places.push_back(directory_name(copy_path(table, key)));
  return places;
}

Result<> Store::write_row(Table table, const std::string& key, const std::string& text, int64_t revision,
                          Space space) {
  Statement insert;
  TRY(prepare(db_,
              "INSERT INTO " + std::string(to_text(table)) +
                  "(key,document,layout,revision) VALUES(?1,?2,?3,?4)"
                  " ON CONFLICT(key) DO UPDATE SET document=?2,layout=?3,revision=?4",
              insert));
  bind_text(insert, 1, key);
  bind_text(insert, 2, text);
  ::sqlite3_bind_int(insert.handle, 3, kRecordLayout);
  ::sqlite3_bind_int64(insert.handle, 4, revision);
  while (::sqlite3_step(insert.handle) != SQLITE_DONE) {
    bool again = space == Space::Reserved && is_full(db_) && reserve_.release_step();
    if (!again) return failure(db_, "write " + std::string(to_text(table)));
    ::sqlite3_reset(insert.handle);
  }
  return {};
}

Result<> Store::put(Table table, const std::string& key, const Json& document, Space space) {
  int64_t revision = ++revision_;
  TRY(write_row(table, key, stack::to_text(document), revision, space));
  if (!has_copies(table)) return {};
  // The row is authoritative; the next call writes a missing copy.
  Result<> copied = write_record_file(copy_path(table, key), {kRecordLayout, revision, key, document});
  if (!copied)
    log_warning("copy of " + std::string(to_text(table)) + " " + key + ": " + copied.error().text());
  return {};
}

Result<> Store::remove(Table table, const std::string& key) {
  // The copy first, because a copy without a row means a lost row.
  if (has_copies(table) && ::unlink(copy_path(table, key).c_str()) != 0 && errno != ENOENT &&
      errno != ENOTDIR)
    return Error::last_errno("remove the copy of " + std::string(to_text(table)) + " " + key);
  Statement statement;
  TRY(prepare(db_, "DELETE FROM " + std::string(to_text(table)) + " WHERE key=?1", statement));
  bind_text(statement, 1, key);
  while (::sqlite3_step(statement.handle) != SQLITE_DONE) {
    if (!is_full(db_) || !reserve_.release_step())
      return failure(db_, "delete from " + std::string(to_text(table)));
    ::sqlite3_reset(statement.handle);
  }
  ++removals_;
  return {};
}

Result<> Store::read_rows(Table table, Candidates& out) const {
  Statement query;
  TRY(prepare(db_,
              "SELECT key,document,layout,revision FROM " + std::string(to_text(table)) + " ORDER BY key",
              query));
  int code = 0;
  while ((code = ::sqlite3_step(query.handle)) == SQLITE_ROW) {
    Version row{false, ::sqlite3_column_int64(query.handle, 3),
                document_of(text_column(query, 1), ::sqlite3_column_int(query.handle, 2))};
    out[text_column(query, 0)].push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return failure(db_, "read " + std::string(to_text(table)));
  return {};
}

void Store::read_copies(Table table, Candidates& out) const {
  std::string folder = folder_ + "/" + std::string(to_text(table));
  bool nested = table == Table::Containers;
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    // Folders under removal start with a dot.
    if (name.starts_with('.') || (!nested && !name.ends_with(kSuffix))) continue;
    Result<RecordFile> file = read_record_file(folder + "/" + name + (nested ? "/record" : ""));
    if (!file && file.error().kind() == ErrorKind::NotFound) continue;
    std::string key = file ? file->key : nested ? name : name.substr(0, name.size() - kSuffix.size());
    Version copy{true, 0, Result<Json>(Json())};
    if (!file) {
      copy.document = file.error();
    } else {
      copy.revision = file->revision;
      if (file->layout > kRecordLayout)
        copy.document = document_of("", file->layout);
      else
        copy.document = std::move(file->document);
    }
    out[key].push_back(std::move(copy));
  }
}

Result<Store::Candidates> Store::collect(Table table) {
  Candidates candidates;
  TRY(read_rows(table, candidates));
  if (has_copies(table)) read_copies(table, candidates);
  for (auto& [key, versions] : candidates) {
    std::stable_sort(versions.begin(), versions.end(),
                     [](const Version& a, const Version& b) { return a.revision > b.revision; });
    revision_ = std::max(revision_, versions.front().revision);
  }
  return candidates;
}

// Restores the row and the copy to the version that was read, if either is older, damaged, or missing.
void Store::repair(Table table, const std::string& key, const Versions& versions, const Version& good) {
  if (!has_copies(table)) return;
  bool whole = versions.size() == 2 && std::all_of(versions.begin(), versions.end(), [&](const Version& v) {
                 return v.document && v.revision == good.revision;
               });
  if (whole) return;
  if (good.is_copy)
    log_warning("state store: " + std::string(to_text(table)) + " " + key +
                ": its row was lost or damaged; restored it from the copy");
  Result<> written = put(table, key, *good.document, Space::Reserved);
  if (!written) log_error(written.error().text());
}

Result<LoadedRecords<Store::Document>> Store::load_documents(Table table) {
  Reader<Document> as_is = [](const std::string& key, const Json& document) -> Result<Document> {
    return Document(key, document);
  };
  return load<Document>(table, as_is);
}

bool Store::needs_scrub() {
  int64_t before = std::exchange(quiet_since_, revision_ + removals_);
  return removals_ > 0 && before == quiet_since_;
}

Result<> Store::scrub(const std::string& folder) {
  sqlite3* db = nullptr;
  int code = ::sqlite3_open_v2((folder + "/state.db").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  Store closer("", db);
  if (code != SQLITE_OK) return Error(std::string("state store: ") + ::sqlite3_errstr(code));
  ::sqlite3_busy_timeout(db, kBusyMs);
  // The first call does most of the work without blocking writers.
  return execute(db, "PRAGMA wal_checkpoint(PASSIVE);PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace stack::engine
