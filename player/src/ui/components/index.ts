/** The design system's components. Pages import from here. */
export { Badge, Count, type BadgeKind } from "./badge";
export { Button, IconButton, LinkButton, type ButtonKind } from "./button";
export { Dialog } from "./dialog";
export { Field, focusInvalid, Select, TextArea } from "./field";
export { Icon, type IconName } from "./icons";
export { Kbd } from "./kbd";
export { Menu, type MenuItem } from "./menu";
export { Meter } from "./meter";
export { Switch } from "./switch";
export { Segments } from "./segments";
export { Chips, Panel, panelId, Tabs, type Option } from "./tabs";
export { CheckRow, Empty, Notice, type CheckState } from "./notice";
export { StatTile } from "./stat-tile";
export { toast, Toasts } from "./toast";
export { TopBar, type TopBarProps } from "./top-bar";
