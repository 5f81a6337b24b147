// The commands about disk usage: prune, df.
#include <unistd.h>

#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/question.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kSkipConfirmationFlag{'f', "force", FlagArity::Nothing, "", "Skip confirmation"};
constexpr Flag kAllImagesFlag{'a', "all", FlagArity::Nothing, "",
                              "Every image that no container uses, not only those without a name"};

Result<bool> agreed_to_remove(const Session& session, const Arguments& arguments, const std::string& warning) {
  if (session.globals().dry_run || arguments.is_set("force")) return true;
  print_message("WARNING! This will remove " + warning);
  return ask("Are you sure?");
}

void print_reclaimed(const Session& session, int64_t bytes) {
  print_line((session.globals().dry_run ? "Space that would be reclaimed: " : "Total reclaimed space: ") +
             decimal_size({bytes}));
}

// "Deleted Images:", or what --dry-run would delete.
std::string removed_title(const Session& session, const std::string& objects) {
  return (session.globals().dry_run ? "Would delete " : "Deleted ") + objects + ":";
}

// The query with the parameters of --dry-run. `without`: containers that would be removed before.
std::string prune_query(const Session& session, std::string query, const std::vector<std::string>& without = {}) {
  if (!session.globals().dry_run) return query;
  query += query.empty() ? "?dry-run=1" : "&dry-run=1";
  std::string ids;
  for (const std::string& id : without) ids += (ids.empty() ? "" : ",") + id.substr(0, 12);
  return ids.empty() ? query : query + "&without=" + ids;
}

void print_removed(const std::string& title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  print_line(title);
  for (const std::string& item : items) print_line(item);
  print_line("");
}

// The filters given, and `dangling=false` for --all.
Result<std::string> image_filters(const Arguments& arguments) {
  std::vector<std::string> filters = arguments.all("filter");
  if (arguments.is_set("all")) filters.push_back("dangling=false");
  return filters_query(filters);
}

Result<int64_t> prune_images(Session& session, const std::string& query,
                             const std::vector<std::string>& without = {}) {
  TRY_ASSIGN(Json answer, session.call("POST", "/images/prune" + prune_query(session, query, without)));
  std::vector<std::string> lines;
  for (const Json& item : items_of(member(answer, "ImagesDeleted"))) {
    if (std::string name = string_or(item, "Untagged"); !name.empty()) lines.push_back("untagged: " + name);
    if (std::string id = string_or(item, "Deleted"); !id.empty()) lines.push_back("deleted: " + id);
  }
  print_removed(removed_title(session, "Images"), lines);
  return int_or(answer, "SpaceReclaimed");
}

// ---- image prune ----

constexpr Flag kImagePruneFlags[] = {kAllImagesFlag, kSkipConfirmationFlag, kFilterFlag};
constexpr Example kImagePruneExamples[] = {
    {"stack image prune", "remove images without a name"},
    {"stack image prune -a --filter until=240h", "remove unused images older than ten days"}};

Result<int> run_image_prune(Session& session, const Arguments& arguments) {
  auto query = image_filters(arguments);
  if (!query) return session.usage_error(query.error().text());
  TRY_ASSIGN(bool yes,
             agreed_to_remove(session, arguments,
                              arguments.is_set("all") ? "all images without at least one container"
                                                      : "all dangling images"));
  if (!yes) return kExitError;
  TRY_ASSIGN(int64_t freed, prune_images(session, *query));
  print_reclaimed(session, freed);
  return 0;
}

// ---- builder prune ----

constexpr Flag kBuilderPruneFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Also remove cached steps that images use"},
    kSkipConfirmationFlag,
    kFilterFlag,
    {0, "keep-storage", FlagArity::Value, "SIZE", "Amount of recently used cache to keep"}};
constexpr Example kBuilderPruneExamples[] = {
    {"stack builder prune", "remove all cached steps and cache mounts"},
    {"stack builder prune --keep-storage 5GB", "keep 5 GB of recently used cache"}};

Result<int64_t> prune_cache(Session& session, http::Query query) {
  TRY_ASSIGN(Json answer, session.call("POST", "/build/prune" + prune_query(session, query.text())));
  std::vector<std::string> ids = strings_of(member(answer, "CachesDeleted"));
  print_removed(removed_title(session, "build cache objects"), ids);
  return int_or(answer, "SpaceReclaimed");
}

Result<int> run_builder_prune(Session& session, const Arguments& arguments) {
  http::Query query;
  if (arguments.is_set("all")) query.add("all", "1");
  if (std::string keep = arguments.text("keep-storage"); !keep.empty()) {
    auto size = parse_byte_size(keep);
    if (!size) return session.usage_error(size.error().text());
    query.add("keep-storage", std::to_string(size->bytes));
  }
  auto filters = filters_query(arguments.all("filter"));
  if (!filters) return session.usage_error(filters.error().text());
  if (!filters->empty()) {
    TRY_ASSIGN(http::Query given, http::Query::parse(filters->substr(1)));
    query.add("filters", given.get("filters"));
  }
  TRY_ASSIGN(bool yes, agreed_to_remove(
                           session, arguments, arguments.is_set("all") ? "all build cache" : "all dangling build cache"));
  if (!yes) return kExitError;
  TRY_ASSIGN(int64_t freed, prune_cache(session, query));
  print_reclaimed(session, freed);
  return 0;
}

// ---- system df ----

constexpr Flag kSystemDfFlags[] = {kFormatFlag};
constexpr Example kSystemDfExamples[] = {{"stack system df", "show disk usage and reclaimable space"}};

// A row of the table.
struct Room {
  std::string type;
  int64_t total = 0;
  int64_t active = 0;
  int64_t size = 0;
  int64_t reclaimable = 0;
};

Json room_row(const Room& room) {
  std::string share = room.size > 0 ? " (" + std::to_string(room.reclaimable * 100 / room.size) + "%)" : "";
  return {{"Type", room.type},
          {"TotalCount", std::to_string(room.total)},
          {"Active", std::to_string(room.active)},
          {"Size", decimal_size({room.size})},
          {"Reclaimable", decimal_size({room.reclaimable}) + share}};
}

Room images_room(const Json& usage) {
  Room out{.type = "Images", .size = int_or(usage, "LayersSize")};
  int64_t used = 0;
  for (const Json& image : items_of(member(usage, "Images"))) {
    ++out.total;
    if (int_or(image, "Containers") <= 0) continue;
    ++out.active;
    used += int_or(image, "Size");
  }
  out.reclaimable = std::max<int64_t>(0, out.size - used);
  return out;
}

Room containers_room(const Json& usage) {
  Room out{.type = "Containers"};
  for (const Json& container : items_of(member(usage, "Containers"))) {
    bool running = string_or(container, "State") == "running" || string_or(container, "State") == "paused";
    ++out.total;
    out.active += running ? 1 : 0;
    out.size += int_or(container, "SizeRw");
    if (!running) out.reclaimable += int_or(container, "SizeRw");
  }
  return out;
}

Room volumes_room(const Json& usage) {
  Room out{.type = "Local Volumes"};
  for (const Json& volume : items_of(member(usage, "Volumes"))) {
    int64_t size = std::max<int64_t>(0, int_or(member(volume, "UsageData"), "Size"));
    bool used = int_or(member(volume, "UsageData"), "RefCount") > 0;
    ++out.total;
    out.active += used ? 1 : 0;
    out.size += size;
    if (!used) out.reclaimable += size;
  }
  return out;
}

Room cache_room(const Json& usage) {
  Room out{.type = "Build Cache"};
  for (const Json& entry : items_of(member(usage, "BuildCache"))) {
    ++out.total;
    out.active += bool_or(entry, "InUse") ? 1 : 0;
    // Shared layers count with the images.
    if (bool_or(entry, "Shared")) continue;
    out.size += int_or(entry, "Size");
    if (!bool_or(entry, "InUse")) out.reclaimable += int_or(entry, "Size");
  }
  return out;
}

Result<int> run_system_df(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json usage, session.call("GET", "/system/df"));
  std::vector<Json> rows;
  for (const Room& room :
       {images_room(usage), containers_room(usage), volumes_room(usage), cache_room(usage)})
    rows.push_back(room_row(room));
  return print_rows(arguments, rows, {"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"},
                    {"Type", "TotalCount", "Active", "Size", "Reclaimable"}, "Type");
}

// ---- system prune ----

constexpr Flag kSystemPruneFlags[] = {kAllImagesFlag,
                                      kSkipConfirmationFlag,
                                      {0, "volumes", FlagArity::Nothing, "", "Also remove anonymous volumes"},
                                      kFilterFlag};
constexpr Example kSystemPruneExamples[] = {
    {"stack system prune", "remove stopped containers, unused networks, ..."},
    {"stack system prune -a --volumes", "remove everything that is not in use"}};

struct Pruned {
  std::vector<std::string> names;
  int64_t freed = 0;
};

// `path`: "/volumes/prune". `objects`: "Volumes", as in the response's "VolumesDeleted".
Result<Pruned> prune_kind(Session& session, const std::string& path, const std::string& query,
                          const std::string& objects, const std::vector<std::string>& without = {}) {
  TRY_ASSIGN(Json answer, session.call("POST", path + prune_query(session, query, without)));
  Pruned pruned{strings_of(member(answer, objects + "Deleted")), int_or(answer, "SpaceReclaimed")};
  print_removed(removed_title(session, objects), pruned.names);
  return pruned;
}

// Containers first, because they use the others.
Result<int64_t> prune_system(Session& session, const Arguments& arguments, const std::string& filters,
                             const std::string& image_query) {
  TRY_ASSIGN(Pruned containers, prune_kind(session, "/containers/prune", filters, "Containers"));
  TRY_ASSIGN(Pruned networks, prune_kind(session, "/networks/prune", filters, "Networks", containers.names));
  int64_t freed = containers.freed + networks.freed;
  if (arguments.is_set("volumes")) {
    TRY_ASSIGN(Pruned volumes, prune_kind(session, "/volumes/prune", filters, "Volumes", containers.names));
    freed += volumes.freed;
  }
  TRY_ASSIGN(int64_t of_images, prune_images(session, image_query, containers.names));
  http::Query query;
  if (arguments.is_set("all")) query.add("all", "1");
  TRY_ASSIGN(int64_t cache, prune_cache(session, query));
  return freed + of_images + cache;
}

Result<int> run_system_prune(Session& session, const Arguments& arguments) {
  auto filters = filters_query(arguments.all("filter"));
  auto for_images = image_filters(arguments);
  if (!filters || !for_images)
    return session.usage_error(filters ? for_images.error().text() : filters.error().text());
  std::string warning = "all stopped containers, all networks not used by a container";
  if (arguments.is_set("volumes")) warning += ", all anonymous volumes not used by a container";
  warning += arguments.is_set("all") ? ", all images without a container" : ", all dangling images";
  TRY_ASSIGN(bool yes, agreed_to_remove(session, arguments, warning + " and unused build cache"));
  if (!yes) return kExitError;
  TRY_ASSIGN(int64_t freed, prune_system(session, arguments, *filters, *for_images));
  print_reclaimed(session, freed);
  return 0;
}

}  // namespace

const Command kImagePrune{
    .name = "image prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove unused images",
    .details = "Filters: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE].",
    .examples = kImagePruneExamples,
    .flags = kImagePruneFlags,
    .most_words = 0,
    .run = run_image_prune,
};

const Command kBuilderPrune{
    .name = "builder prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove the build cache",
    .details = "Cache mounts that a running build uses are kept.",
    .examples = kBuilderPruneExamples,
    .flags = kBuilderPruneFlags,
    .most_words = 0,
    .run = run_builder_prune,
};

const Command kSystemDf{
    .name = "system df",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Show disk usage",
    .details = "",
    .examples = kSystemDfExamples,
    .flags = kSystemDfFlags,
    .most_words = 0,
    .run = run_system_df,
};

const Command kSystemPrune{
    .name = "system prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove everything that is not in use",
    .details = "",
    .examples = kSystemPruneExamples,
    .flags = kSystemPruneFlags,
    .most_words = 0,
    .run = run_system_prune,
};

}  // namespace stack::cli
