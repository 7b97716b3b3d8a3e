package dev.lamina;

/**
 * A file of a commit, as the hub describes it.
 *
 * @param name in the model's folder
 * @param etag its hash: SHA-256 of a large file, Git's SHA-1 of a small one
 * @param size bytes, -1 if the hub does not say
 */
record HubFile(String name, String etag, long size) {}
