--- fovea/status: stored unchanged, and shown in a statusline and by :FoveaStatus.
local M = {}

---@class fovea.Status
---@field health 'ok'|'warning'|'error'
---@field state 'loading'|'ready'|'busy'|'paused'|'failed'
---@field model? string
---@field method string
---@field maps? { layer?: integer, head?: integer } the chosen attention maps
---@field attention? { layers: integer, heads: integer } the numbers of layers and heads
---@field heat boolean
---@field preset? 'quiet'|'full'|'off'
---@field writes? boolean whether a model writes text; nil until the chosen one is loaded
---@field message? string
---@field inactive { uri: string, reason: string }[]
---@field unparsed? { uri: string, reason: string }[]
---@field index? fovea.Index

---@class fovea.Index
---@field state 'waiting'|'battery'|'indexing'|'cancelled'|'ready'
---@field items integer
---@field done? integer
---@field total? integer
---@field refused string[]

---@type table<integer, fovea.Status> by client
local statuses = {}

---@type lsp.Handler
function M.handler(_, params, context)
  statuses[context.client_id] = params
  vim.cmd.redrawstatus({ bang = true })
  vim.api.nvim_exec_autocmds('User', { pattern = 'FoveaStatus', data = params, modeline = false })
end

--- The last status of the buffer's client, or of any client of Fovea.
---@param bufnr? integer
---@return fovea.Status?
function M.get(bufnr)
  local client = require('fovea.client').get(bufnr)
  return client and statuses[client.id]
end

--- The method in use, such as `attention L3 H7` for a single map.
---@param status fovea.Status
---@return string
function M.method(status)
  local maps = status.maps or {}
  local layer = maps.layer and (' L%d'):format(maps.layer) or ''
  local head = maps.head and (' H%d'):format(maps.head) or ''
  return status.method .. layer .. head
end

--- The numbers that may follow `:FoveaMethod attention`: layers, then heads; nil anywhere else.
---@param line string the command line up to the cursor
---@return string[]?
function M.completion(line)
  local words = vim.split(vim.trim(line), '%s+')
  local typed = line:match('%s$') and '' or table.remove(words)
  local status = M.get()
  local shape = status and status.attention
  if not shape or words[#words] == nil or not vim.tbl_contains(words, 'attention') then
    return nil
  end
  local count = words[#words] == 'attention' and shape.layers or shape.heads
  local numbers = vim.tbl_map(tostring, vim.fn.range(count))
  table.insert(numbers, '*')
  return vim.tbl_filter(function(number)
    return vim.startswith(number, typed)
  end, numbers)
end

--- The reason for a buffer in a list of the status.
---@param list? { uri: string, reason: string }[]
---@param bufnr integer
---@return string?
local function told(list, bufnr)
  local uri = vim.uri_from_bufnr(bufnr)
  for _, document in ipairs(list or {}) do
    -- Servers and editors may escape a URI differently.
    if document.uri == uri or vim.uri_to_fname(document.uri) == vim.api.nvim_buf_get_name(bufnr) then
      return document.reason
    end
  end
end

---@param status fovea.Status
---@param bufnr integer
---@return string?
local function inactive(status, bufnr)
  return told(status.inactive, bufnr)
end

--- The progress of the index, '' if it is not being built.
---@param index? fovea.Index
---@return string
local function indexing(index)
  if not index or index.state ~= 'indexing' then
    return ''
  end
  return index.total and index.total > 0 and (' · indexing %d/%d'):format(index.done or 0, index.total) or ' · indexing'
end

local states = {
  waiting = 'waiting for the model',
  battery = 'waiting for mains power (setting fovea.index.onBattery)',
  indexing = 'reading files',
  cancelled = 'canceled; :FoveaUpdateIndex goes on',
  ready = 'up to date',
}

--- The index in a sentence.
---@param index fovea.Index
---@return string
function M.describe_index(index)
  local progress = index.done and index.total and (', %d of %d files'):format(index.done, index.total) or ''
  return ('index: %s, %d items%s'):format(states[index.state] or index.state, index.items, progress)
end

--- A short text for a statusline.
---@param bufnr? integer
---@return string
function M.line(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local client = require('fovea.client').get(bufnr)
  if not client then
    return ''
  end
  local status = statuses[client.id]
  if not status then
    return 'fovea starting'
  end
  local reason = inactive(status, bufnr)
  if reason then
    return 'fovea off: ' .. reason
  end
  if status.state == 'ready' or status.state == 'busy' then
    -- The method is shown only if it is not the default.
    local method = M.method(status)
    local state = method ~= 'decomposition' and method or 'ready'
    return 'fovea ' .. (status.state == 'busy' and 'reading …' or state) .. indexing(status.index)
  end
  return 'fovea ' .. status.state .. (status.message and ': ' .. status.message or '')
end

--- The whole status, in lines.
---@param bufnr integer
---@return string[]
function M.report(bufnr)
  local status = M.get(bufnr)
  if not status then
    return { 'Fovea is not running in this buffer; `:checkhealth fovea` says why' }
  end
  local lines = {
    ('Fovea: %s, %s'):format(status.state, status.health),
    'model: ' .. (status.model or 'none yet'),
    ('method: %s, heat %s'):format(M.method(status), status.preset or (status.heat and 'on' or 'off')),
  }
  if status.message then
    table.insert(lines, status.message)
  end
  if status.index then
    table.insert(lines, M.describe_index(status.index))
    for _, refused in ipairs(status.index.refused or {}) do
      table.insert(lines, 'not indexed: ' .. refused)
    end
  end
  local reason = inactive(status, bufnr)
  if reason then
    table.insert(lines, 'this document is not analyzed: ' .. reason)
  end
  local unparsed = told(status.unparsed, bufnr)
  if unparsed then
    table.insert(lines, 'no functions and types here: ' .. unparsed)
  end
  return lines
end

return M
