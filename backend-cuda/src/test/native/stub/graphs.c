// Graphs: the nodes of a capture in its order, and their replay.

STUB CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* number) {
  ENTER(true);
  Object* g = find(graph, GRAPH);
  CHECK(g, INVALID_HANDLE);
  for (size_t i = 0; nodes && i < *number && i < (size_t)g->numNodes; i++) {
    nodes[i] = (CUgraphNode)g->nodes[i];
  }
  *number = g->numNodes;
  return SUCCESS;
}

STUB CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) {
  ENTER(true);
  *type = node->kind == KERNEL ? 0 : node->kind == COPY ? 1 : 2;
  return SUCCESS;
}

static Node* copyOf(const Node* node) {
  Node* own = malloc(sizeof *own);
  *own = *node;
  if (node->launch) {
    own->launch = malloc(sizeof *own->launch);
    *own->launch = *node->launch;
  }
  return own;
}

STUB CUresult cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, unsigned long long flags) {
  ENTER(true);
  Object* g = find(graph, GRAPH);
  CHECK(g, INVALID_HANDLE);
  CHECK(flags == 0, INVALID_VALUE);
  Object* e = add(EXEC, current);
  e->origins = malloc((g->numNodes + 1) * sizeof(Node*));
  for (int i = 0; i < g->numNodes; i++) {
    append(e, copyOf(g->nodes[i]));
    e->origins[i] = g->nodes[i];
  }
  *exec = (CUgraphExec)e;
  return SUCCESS;
}

STUB CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) {
  ENTER(true);
  CHECK(find(exec, EXEC) && isStream(stream), INVALID_HANDLE);
  return SUCCESS;
}

STUB CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  ENTER(true);
  Object* e = find(exec, EXEC);
  CHECK(e && isStream(stream), INVALID_HANDLE);
  for (int i = 0; i < e->numNodes; i++) {
    int result = run(e->nodes[i]);
    if (result) return result;
  }
  return SUCCESS;
}

STUB CUresult cuGraphExecUpdate_v2(
    CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo* info) {
  ENTER(true);
  Object *e = find(exec, EXEC), *g = find(graph, GRAPH);
  CHECK(e && g && info, INVALID_HANDLE);
  bool same = e->numNodes == g->numNodes;
  for (int i = 0; same && i < g->numNodes; i++) same = e->nodes[i]->kind == g->nodes[i]->kind;
  memset(info, 0, sizeof *info);
  info->result = same ? 0 : 2;
  CHECK(same, UPDATE_FAILURE);
  for (int i = 0; i < g->numNodes; i++) {
    free(e->nodes[i]->launch);
    free(e->nodes[i]);
    e->nodes[i] = copyOf(g->nodes[i]);
  }
  return SUCCESS;
}

STUB CUresult cuGraphExecKernelNodeSetParams_v2(
    CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS* params) {
  ENTER(true);
  Object* e = find(exec, EXEC);
  CHECK(e, INVALID_HANDLE);
  CHECK(params && !params->extra && !params->kern && !params->ctx, INVALID_VALUE);
  for (int i = 0; i < e->numNodes; i++) {
    if (e->origins[i] == (Node*)node) {
      CHECK(e->nodes[i]->kind == KERNEL, INVALID_VALUE);
      Launch launch = {
          .function = params->func,
          .grid = {params->gridDimX, params->gridDimY, params->gridDimZ},
          .block = {params->blockDimX, params->blockDimY, params->blockDimZ},
          .sharedBytes = params->sharedMemBytes,
          .pdl = e->nodes[i]->launch->pdl,
      };
      int result = readArgs(&launch, params->kernelParams);
      if (!result) *e->nodes[i]->launch = launch;
      return result;
    }
  }
  return INVALID_VALUE;
}

STUB CUresult cuGraphExecDestroy(CUgraphExec exec) {
  ENTER(true);
  CHECK(find(exec, EXEC), INVALID_HANDLE);
  removeObject((Object*)exec);
  return SUCCESS;
}

STUB CUresult cuGraphDestroy(CUgraph graph) {
  ENTER(true);
  CHECK(find(graph, GRAPH), INVALID_HANDLE);
  removeObject((Object*)graph);
  return SUCCESS;
}
