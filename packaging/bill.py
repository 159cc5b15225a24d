"""The bill of materials of the program, as CycloneDX 1.5 on stdout: what `cargo metadata` says of the
targets that are given, with the checksums of Cargo.lock."""

import json
import subprocess
import sys
import tomllib


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def shipped(found):
    """The packages that end up in the program: no dev-dependencies, and nothing that only builds it."""
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    reached, left = set(), [found["resolve"]["root"]]
    while left:
        package = left.pop()
        if package not in reached:
            reached.add(package)
            for dependency in nodes[package]["deps"]:
                if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                    left.append(dependency["pkg"])
    return {package["id"]: package for package in found["packages"] if package["id"] in reached}, nodes


def component(package, checksums):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    said = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if package["license"]:
        said["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((name, version)):
        said["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return said


with open("Cargo.lock", "rb") as file:
    locked = tomllib.load(file)["package"]
checksums = {(each["name"], each["version"]): each.get("checksum") for each in locked}
components, edges, root = {}, {}, None
for target in sys.argv[1:]:
    found = metadata(target)
    packages, nodes = shipped(found)
    ref = lambda id: f"pkg:cargo/{packages[id]['name']}@{packages[id]['version']}"
    root = ref(found["resolve"]["root"])
    for id, package in packages.items():
        components[ref(id)] = component(package, checksums)
        edges.setdefault(ref(id), set()).update(ref(each) for each in nodes[id]["dependencies"] if each in packages)
program = components.pop(root) | {"type": "application"}
bill = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": program},
    "components": [components[ref] for ref in sorted(components)],
    "dependencies": [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in sorted(edges)],
}
print(json.dumps(bill, indent=1))
