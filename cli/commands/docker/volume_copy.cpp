// `stack volume backup`, `stack volume restore`, and `stack volume clone`.
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/body_file.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kFreezeFlag{0, "freeze", FlagArity::Nothing, "",
                           "Freeze the volume's running containers meanwhile"};
constexpr Flag kStopFlag{0, "stop", FlagArity::Nothing, "",
                         "Stop the volume's running containers and start them afterward"};

Result<std::string> copy_mode(const Arguments& arguments) {
  if (arguments.is_set("freeze") && arguments.is_set("stop"))
    return invalid("--freeze and --stop cannot be combined");
  return std::string(arguments.is_set("freeze") ? "freeze" : arguments.is_set("stop") ? "stop" : "");
}

// ---- backup ----

constexpr Flag kVolumeBackupFlags[] = {
    {'o', "output", FlagArity::Value, "FILE", "The backup (default: VOLUME.tar.zst; -: stdout)"},
    {'f', "force", FlagArity::Nothing, "", "Replace an existing file"},
    kFreezeFlag,
    kStopFlag,
};
constexpr Example kVolumeBackupExamples[] = {
    {"stack volume backup --stop shop_data", "write shop_data.tar.zst while the database is stopped"},
    {"stack volume backup -o - shop_data | ssh host stack volume restore -i - shop_data",
     "copy a volume to another machine"}};

Result<int> run_volume_backup(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  TRY_ASSIGN(std::string mode, copy_mode(arguments));
  const std::string& volume = arguments.words[0];
  std::string file = arguments.text("output", volume + ".tar.zst");
  if (file == "-" && session.out().is_terminal)
    return session.usage_error("refusing to write a backup to a terminal; use --output or a pipe");
  if (file != "-" && path_exists(file) && !arguments.is_set("force"))
    return conflict(file + " exists; use --force to replace it");
  http::Query query;
  if (!mode.empty()) query.add("mode", mode);
  std::string path = "/stack/v1/volumes/" + http::percent_encode(volume) + "/backup";
  TRY(write_body(session, path + query.text(), file == "-" ? "" : file, {.mode = 0600, .durable = true}));
  if (file != "-") print_line(file);
  return 0;
}

// ---- restore ----

constexpr Flag kVolumeRestoreFlags[] = {
    {'i', "input", FlagArity::Value, "FILE", "The backup (default: VOLUME.tar.zst; -: stdin)"},
    {'f', "force", FlagArity::Nothing, "", "Replace the files of a volume that is not empty"},
    kStopFlag,
};
constexpr Example kVolumeRestoreExamples[] = {
    {"stack volume restore shop_data", "create shop_data from shop_data.tar.zst"},
    {"stack volume restore --force --stop -i monday.tar.zst shop_data", "go back to an older backup"}};

Result<int> run_volume_restore(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  const std::string& volume = arguments.words[0];
  std::string file = arguments.text("input", volume + ".tar.zst");
  Fd in(file == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return Error::last_errno("open " + file);
  http::Query query;
  query.add("name", volume);
  if (arguments.is_set("force")) query.add("force", "1");
  if (arguments.is_set("stop")) query.add("mode", "stop");
  http::ClientRequest request;
  request.method = "POST";
  request.target = "/stack/v1/volumes/restore" + query.text();
  request.content_type = "application/zstd";
  request.body_source = body_from(in.get(), file);
  TRY_ASSIGN(http::Client client, session.connect());
  TRY_ASSIGN(http::Answer answer, client.call(std::move(request)));
  print_line(volume);
  return 0;
}

// ---- clone ----

constexpr Flag kVolumeCloneFlags[] = {kFreezeFlag, kStopFlag};
constexpr Example kVolumeCloneExamples[] = {
    {"stack volume clone --freeze shop_data try_data", "try an update on a copy of the data"}};

Result<int> run_volume_clone(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  TRY_ASSIGN(std::string mode, copy_mode(arguments));
  std::string path = "/stack/v1/volumes/" + http::percent_encode(arguments.words[0]) + "/clone";
  TRY_ASSIGN(Json created, session.call("POST", path, Json{{"Name", arguments.words[1]}, {"Mode", mode}}));
  print_line(string_or(created, "Name"));
  return 0;
}

}  // namespace

const Command kVolumeBackup{
    .name = "volume backup",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME",
    .summary = "Write a volume's files to a compressed archive",
    .details =
        "Without --freeze or --stop, running containers can change files during the backup.\n"
        "The archive has a checksum; `zstd -t FILE` verifies it.",
    .examples = kVolumeBackupExamples,
    .flags = kVolumeBackupFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_volume_backup,
};

const Command kVolumeRestore{
    .name = "volume restore",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME",
    .summary = "Create a volume from a backup, or replace its files",
    .details =
        "The volume changes only after the whole backup was read and verified, and all at once.\n"
        "Its containers must not run; --stop stops and starts them.",
    .examples = kVolumeRestoreExamples,
    .flags = kVolumeRestoreFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_volume_restore,
};

const Command kVolumeClone{
    .name = "volume clone",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME NEW-VOLUME",
    .summary = "Copy a volume to a new volume",
    .details = "",
    .examples = kVolumeCloneExamples,
    .flags = kVolumeCloneFlags,
    .least_words = 2,
    .most_words = 2,
    .run = run_volume_clone,
};

}  // namespace stack::cli
