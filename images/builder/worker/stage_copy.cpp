// COPY and ADD.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "images/builder/solver/stage.h"
#include "images/layer/layer_unpack.h"

namespace stack::builder {

namespace {

bool is_heredoc_word(const std::string& word) {
  return word.find("<<") != std::string::npos && word[0] != '/';
}

bool names_directory(const std::string& destination) {
  return destination.ends_with('/') || destination.ends_with("/.") || destination == "." ||
         destination == "..";
}

}  // namespace

// A source of ADD on another machine.
struct StageBuilder::RemoteSource {
  std::optional<GitUrl> git;
  std::string commit;    // of git
  std::string checksum;  // "sha256:..." that a file must have, or ""
  bool keep_git_dir = false;
  std::string directory;  // after the fetch
  std::string name;       // of the file in it
  std::string key;        // identifies the content for the cache
};

struct StageBuilder::CopyParts {
  std::vector<std::string> sources;
  std::vector<Heredoc> heredocs;
  std::string destination;
  bool destination_is_directory = false;
  bool add = false;
  // ADD --unpack; without it archives of the context are unpacked, downloaded ones are not.
  std::optional<bool> unpack;
  CopyOptions options;
  OpenedSource from;
  CopyPlan plan;
  std::vector<std::unique_ptr<ExtractedArchive>> archives;
  std::map<std::string, RemoteSource> remotes;  // by the source's text
  std::optional<images::StagedLayer> downloads;
};

// A tree on disk that was unpacked for this copy.
struct StageBuilder::ExtractedArchive {
  images::LayerView view;
  CopySource source;
};

// The layers of a stage, by name or number, or of an image.
Result<std::vector<std::string>> StageBuilder::layers_of(const std::string& from,
                                                         std::vector<images::LayerPin>& pins) {
  if (std::optional<std::string> context = job_.context_of(from)) {
    TRY_ASSIGN(std::optional<images::Image> image, context_image(*context).in("build context " + from));
    if (image) {
      TRY_ASSIGN(pins, job_.store.pin_layers(*image));
      return image->layer_dirs;
    }
    TRY_ASSIGN(std::string directory, job_.contexts.directory(*context).in("build context " + from));
    return std::vector<std::string>{directory};
  }
  // The nearest stage of that name, as in FROM.
  std::string name = job_.stage_alias(from);
  for (auto needed = needs_.rbegin(); needed != needs_.rend(); ++needed) {
    const StagePlan& stage = job_.stages[*needed];
    if (stage.name != lower(name) && std::to_string(*needed) != name) continue;
    StageResult result = job_.result_of(*needed);
    if (!result) return Error(ErrorKind::Canceled, "stage " + stage.label() + " failed");
    pins = (*result)->layers;
    return (*result)->layer_dirs();
  }
  TRY_ASSIGN(images::Image image, base_image(from));
  TRY_ASSIGN(pins, job_.store.pin_layers(image));
  return image.layer_dirs;
}

Result<> StageBuilder::open_source(const std::string& from, OpenedSource& out) {
  std::vector<std::string> directories;
  if (from.empty()) {
    if (job_.context_directory.empty()) return invalid("the build has no context directory to copy from");
    directories = {job_.context_directory};
    out.source.ignore = &job_.ignore;
  } else {
    TRY_ASSIGN(directories, layers_of(from, out.pins));
    // Files of a context directory become root's; those of stages and images keep their owners.
    out.source.keep_owner = !out.pins.empty();
    out.source.digest_prefix = from + ":";
  }
  out.source.digests = job_.digests.get();
  TRY_ASSIGN(images::LayerView view, images::LayerView::open(directories));
  out.view = std::make_unique<images::LayerView>(std::move(view));
  out.source.view = out.view.get();
  return {};
}

// Plans the contents of an archive that ADD was given, instead of the archive.
Result<bool> StageBuilder::take_archive(CopyParts& parts, const images::ViewEntry& entry,
                                        const std::string& scratch) {
  TRY_ASSIGN(Fd file, parts.from.view->open_entry(entry, O_RDONLY));
  TRY_ASSIGN(bool archive, images::looks_like_tar(file.get()));
  if (!archive) return false;
  TRY(plan_archive(parts, *parts.from.view, entry.path, scratch).in(entry.path));
  return true;
}

// Plans the copy. For the cache key (`making` false) archives stay packed, and sources identified by a commit or a
// checksum are not fetched; for the layer, archives are unpacked below `scratch`.
Result<> StageBuilder::plan_copy(CopyParts& parts, bool making, const std::string& scratch) {
  parts.plan = {};
  size_t heredoc = 0;
  parts.from.source.take = nullptr;
  if (making && parts.add && parts.unpack.value_or(true))
    parts.from.source.take = [&](const images::ViewEntry& file) {
      return take_archive(parts, file, scratch);
    };
  for (const std::string& source : parts.sources) {
    if (heredoc < parts.heredocs.size() && is_heredoc_word(source)) {
      const Heredoc& here = parts.heredocs[heredoc++];
      std::string content = here.content;
      if (here.expand) {
        TRY_ASSIGN(content, expander().heredoc(here.content));
      }
      TRY(plan_inline(here.name, content, parts.options, parts.plan));
      continue;
    }
    if (auto remote = parts.remotes.find(source); remote != parts.remotes.end()) {
      TRY(plan_remote(parts, remote->second, scratch, making).in(source));
      continue;
    }
    TRY(plan_source(parts.from.source, source, parts.options, parts.plan));
  }
  parts.from.source.take = nullptr;
  return {};
}

Result<> StageBuilder::plan_archive(CopyParts& parts, const images::LayerView& view, const std::string& path,
                                    const std::string& scratch) {
  std::string directory = scratch + "/archive-" + std::to_string(parts.archives.size());
  TRY(ensure_directory(directory));
  TRY_ASSIGN(std::optional<images::ViewEntry> entry, view.find(path, true));
  TRY_ASSIGN(Fd file, view.open_entry(*entry, O_RDONLY));
  TRY_ASSIGN(Fd target, open_file(directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(images::ByteSource bytes, images::open_decompressed(file.get()));
  images::TarReader reader(bytes);
  images::UnpackOptions options;
  options.whiteouts = false;
  TRY(images::unpack_tar(reader, target.get(), options));
  TRY_ASSIGN(images::LayerView unpacked, images::LayerView::open({directory}));
  auto extracted = std::make_unique<ExtractedArchive>(ExtractedArchive{std::move(unpacked), {}});
  extracted->source.view = &extracted->view;
  extracted->source.keep_owner = true;
  CopyOptions plain = parts.options;
  plain.parents = false;
  TRY(plan_source(extracted->source, "/", plain, parts.plan));
  parts.archives.push_back(std::move(extracted));
  return {};
}

// --- sources on other machines ---

Result<> StageBuilder::find_remote(const Flags& flags, CopyParts& parts) {
  TRY_ASSIGN(std::string checksum, expander().word(flags.value("checksum")));
  for (const std::string& source : parts.sources) {
    if (!parts.add || !is_remote_url(source)) continue;
    RemoteSource remote;
    remote.checksum = checksum;
    TRY_ASSIGN(remote.git, parse_git_url(source));
    if (remote.git) {
      if (!checksum.empty()) remote.git->checksum = checksum;
      TRY_ASSIGN(remote.commit, job_.contexts.commit_of(*remote.git).in(source));
      job_.contexts.note_commit(source, remote.commit);
      remote.keep_git_dir = remote.git->keep_git_dir.value_or(flags.is_on("keep-git-dir"));
      remote.key =
          "git " + remote.commit + (remote.keep_git_dir ? " with history " : " ") + remote.git->subdir;
      if (!remote.git->submodules) remote.key += " without submodules";
    } else if (!is_http_url(source)) {
      return unsupported("ADD " + source + ": only http, https, and git are supported");
    } else if (!checksum.empty()) {
      if (!checksum.starts_with("sha256:") || checksum.size() != 71)
        return invalid("--checksum must be sha256:<64 hexadecimal digits>, not " + checksum);
      job_.contexts.note({source, "sha256", checksum});
      remote.key = "file " + checksum + " " + base_name(source.substr(0, source.find_first_of("?#")));
    }
    parts.remotes[source] = std::move(remote);
  }
  if (!checksum.empty() && parts.sources.size() > 1)
    return invalid("--checksum can't be specified for multiple sources");
  if (!checksum.empty() && parts.remotes.empty())
    return invalid("--checksum requires an http, https, or git source");
  return {};
}

Result<> StageBuilder::plan_remote(CopyParts& parts, RemoteSource& remote, const std::string& scratch,
                                   bool making) {
  if (!making && !remote.key.empty()) return {};
  if (remote.directory.empty()) {
    // A file without a checksum must be fetched to determine whether the layer is cached.
    if (!parts.downloads) {
      TRY_ASSIGN(parts.downloads, job_.store.stage_layer());
    }
    std::string place = parts.downloads->scratch_directory();
    TRY(ensure_directory(place));
    if (remote.git) {
      remote.directory = place + "/tree-" + sha256_hex(remote.git->remote + remote.key).substr(0, 16);
      TRY(job_.contexts.check_out(*remote.git, remote.commit, remote.keep_git_dir, remote.directory));
    } else {
      auto source = std::find_if(parts.remotes.begin(), parts.remotes.end(),
                                 [&](const auto& item) { return &item.second == &remote; });
      TRY_ASSIGN(RemoteContexts::FetchedFile file, job_.contexts.file(source->first, place));
      if (!remote.checksum.empty() && file.digest != remote.checksum)
        return invalid("digest mismatch: " + file.digest + " (expected: " + remote.checksum + ")");
      remote.directory = file.directory;
      remote.name = file.name;
    }
  }
  TRY_ASSIGN(images::LayerView view, images::LayerView::open({remote.directory}));
  auto tree = std::make_unique<ExtractedArchive>(ExtractedArchive{std::move(view), {}});
  tree->source.view = &tree->view;
  CopyOptions plain = parts.options;
  plain.parents = false;
  std::string name = remote.git ? "/" + escaped_glob(remote.git->subdir) : escaped_glob(remote.name);
  bool unpack = making && !remote.git && parts.unpack.value_or(false);
  if (unpack) {
    TRY(plan_archive(parts, tree->view, remote.name, scratch));
  } else {
    TRY(plan_source(tree->source, name, plain, parts.plan));
  }
  parts.archives.push_back(std::move(tree));
  return {};
}

// --- the instruction ---

Result<> StageBuilder::read_copy(const Instruction& instruction, CopyParts& parts,
                                 std::vector<std::string>& words) {
  parts.add = instruction.keyword == "add";
  parts.heredocs = instruction.heredocs;
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags(instruction.keyword)));
  if (flags.find("unpack")) parts.unpack = flags.is_on("unpack");
  for (const std::string& word : instruction.words) {
    bool heredoc = !instruction.heredocs.empty() && is_heredoc_word(word);
    TRY_ASSIGN(std::string expanded, heredoc ? Result<std::string>(word) : expander().word(word));
    words.push_back(std::move(expanded));
  }
  parts.destination_is_directory = words.size() > 2 || names_directory(words.back());
  parts.destination = absolute_path(config().working_dir.empty() ? "/" : config().working_dir, words.back());
  parts.sources.assign(words.begin(), words.end() - 1);
  for (const std::string& source : parts.sources)
    if (!parts.add && is_http_url(source)) return invalid("source can't be a URL for COPY: " + source);
  TRY_ASSIGN(parts.options.mode, expander().word(flags.value("chmod")));
  if (!parts.options.mode.empty()) TRY(changed_mode(parts.options.mode, 0, false));
  parts.options.parents = flags.is_on("parents");
  for (const std::string& pattern : flags.all("exclude")) {
    TRY_ASSIGN(std::string expanded, expander().word(pattern));
    parts.options.exclude.push_back(std::move(expanded));
  }
  return {};
}

Result<> StageBuilder::copy(const Instruction& instruction) {
  CopyParts parts;
  std::vector<std::string> words;
  TRY(read_copy(instruction, parts, words));
  if (job_.request.check_only) return {};
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags(instruction.keyword)));
  TRY_ASSIGN(const images::LayerView* base, view());
  if (std::optional<std::string> chown = flags.find("chown")) {
    TRY_ASSIGN(std::string owner, expander().word(*chown));
    TRY_ASSIGN(parts.options.owner, images::find_owner(*base, owner).in("--chown"));
  }
  TRY(find_remote(flags, parts));
  TRY_ASSIGN(std::string from, expander().word(flags.value("from")));
  bool nothing_local = parts.sources.size() == parts.heredocs.size() + parts.remotes.size();
  if (!nothing_local || !from.empty()) TRY(open_source(from, parts.from));
  TRY(plan_copy(parts, false, ""));
  TRY_ASSIGN(std::string digest, digest_plan(parts.plan));
  KeyBuilder content("content");
  content.add(digest).add(parts.options.mode);
  for (const std::string& source : parts.sources)
    if (auto remote = parts.remotes.find(source); remote != parts.remotes.end())
      content.add(remote->second.key);
  std::string history = (parts.add ? "ADD " : "COPY ") + join(words, " ");
  return copy_layer(instruction, parts, parts.remotes.empty() ? digest : content.hex(), history,
                    flags.is_on("link"));
}

// With --link the layer is built on an empty base, so it does not depend on the layers below.
Result<> StageBuilder::copy_layer(const Instruction& instruction, CopyParts& parts, const std::string& digest,
                                  const std::string& history, bool link) {
  images::Owner owner = parts.options.owner.value_or(images::Owner{});
  KeyBuilder key(instruction.keyword);
  key.add(link ? "link" : state_->chain)
      .add(digest)
      .add(parts.destination)
      .add(parts.destination_is_directory ? "directory" : "");
  key.add(std::to_string(owner.uid))
      .add(std::to_string(owner.gid))
      .add(parts.unpack.value_or(parts.remotes.empty()) ? "unpack" : "");
  TRY_ASSIGN(images::LayerView nothing, images::LayerView::open({}));
  TRY_ASSIGN(const images::LayerView* base, view());
  auto make = [&](images::StagedLayer& staged, int) -> Result<> {
    if (parts.add) TRY(plan_copy(parts, true, staged.scratch_directory()));
    CopyTarget target;
    target.base = link ? &nothing : base;
    target.layer = staged.directory();
    target.destination = parts.destination;
    target.destination_is_directory = parts.destination_is_directory;
    target.new_directories = owner;
    return write_plan(parts.plan, target);
  };
  std::string chain = link ? KeyBuilder("linked").add(state_->chain).add(key.hex()).hex() : "";
  return layer_step(instruction, key.hex(), history, make, chain);
}

}  // namespace stack::builder
